package upstream

import "regexp"

// lane is a part of the specs, which run one after the other in one e2e.test.
type lane struct {
	name string
	// skip are parts of the names of specs that are left out; of the rest, the
	// regular expression focus chooses where it is not empty.
	skip  []string
	focus string
}

// long are the specs that wait for ten minutes each, with hardly any work for the
// machine. They have lanes of their own.
var long = map[string]string{
	"rolling-cluster": "rolling update with externalTrafficPolicy=Cluster",
	"rolling-local":   "rolling update with externalTrafficPolicy=Local",
}

// direct is the spec of a Service without node ports. It cannot ask for Pods as
// backends: it has a stage of its own, whose Pods have addresses of network interfaces
// and are backends by default.
const direct = "should be able to create LoadBalancer Service without NodePort and change it"

// directLane is the lane of that stage.
var directLane = lane{name: "direct", focus: regexp.QuoteMeta(direct)}

// lanes divides the specs that are in focus and not in the skip list, but for direct.
func lanes(list []skipped, focus *regexp.Regexp) []lane {
	rest := lane{name: "rest", focus: focus.String(), skip: []string{direct}}
	for _, entry := range list {
		rest.skip = append(rest.skip, entry.name)
	}
	var divided []lane
	for name, spec := range long {
		rest.skip = append(rest.skip, spec)
		if focus.MatchString(spec) {
			divided = append(divided, lane{name: name, focus: regexp.QuoteMeta(spec)})
		}
	}
	return append(divided, rest)
}

// merge takes of each spec the result of the lane that ran it.
func merge(reports [][]result) []result {
	var merged []result
	at := map[string]int{}
	for _, report := range reports {
		for _, spec := range report {
			i, known := at[spec.Name]
			if !known {
				at[spec.Name] = len(merged)
				merged = append(merged, spec)
			} else if merged[i].Status == "skipped" {
				merged[i] = spec
			}
		}
	}
	return merged
}
