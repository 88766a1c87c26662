package provisioner

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

var (
	// errNodeZone is wrapped when nothing can be done until the Node has a zone.
	errNodeZone = errors.New("the zone is not known yet")
	// errElsewhere is wrapped when the scheduler has to choose another Node.
	errElsewhere = errors.New("the volume cannot be on this Node")
)

// zonesFor are the zones that the disk may be in, the preferred one first: that of
// the selected Node alone, or for a claim that is bound at once those of the
// class, else the cluster's own.
func (p *Provisioner) zonesFor(o controller.ProvisionOptions, params parameters) ([]string, error) {
	if o.SelectedNodeName != "" {
		node, err := p.Nodes.Get(o.SelectedNodeName)
		if err != nil {
			return nil, fmt.Errorf("%w: read Node %s: %w", errNodeZone, o.SelectedNodeName, err)
		}
		zone := node.Labels[corev1.LabelTopologyZone]
		switch {
		case zone == "":
			return nil, fmt.Errorf("%w: Node %s has no label %s", errNodeZone, node.Name, corev1.LabelTopologyZone)
		case len(params.zones) > 0 && !slices.Contains(params.zones, zone):
			return nil, fmt.Errorf("%w: Node %s is in zone %s, the StorageClass allows %s (zoneId)",
				errElsewhere, node.Name, zone, strings.Join(params.zones, ", "))
		}
		return []string{zone}, nil
	}
	zones := slices.Clone(params.zones)
	if allowed := topologyZones(o.StorageClass.AllowedTopologies); len(allowed) > 0 {
		if len(zones) == 0 {
			zones = allowed
		}
		zones = slices.DeleteFunc(zones, func(zone string) bool { return !slices.Contains(allowed, zone) })
		if len(zones) == 0 {
			return nil, errors.New("zoneId and allowedTopologies of the StorageClass have no zone in common")
		}
	}
	if len(zones) == 0 && p.Zone != "" {
		zones = []string{p.Zone}
	}
	if len(zones) == 0 {
		return nil, errors.New("no zone is known: set volumeBindingMode: WaitForFirstConsumer or the parameter zoneId in the StorageClass")
	}
	return spread(zones, o.PVC.Name), nil
}

// topologyZones are the zones that terms of a class allow.
func topologyZones(terms []corev1.TopologySelectorTerm) []string {
	var zones []string
	for _, term := range terms {
		for _, e := range term.MatchLabelExpressions {
			if e.Key == corev1.LabelTopologyZone {
				zones = append(zones, e.Values...)
			}
		}
	}
	return zones
}

// spread rotates zones so that claims of different names begin with different
// ones; those of a StatefulSet take turns.
func spread(zones []string, claim string) []string {
	zones = slices.Compact(slices.Sorted(slices.Values(zones)))
	base, turn := claim, 0
	if i := strings.LastIndex(claim, "-"); i >= 0 {
		if n, err := strconv.Atoi(claim[i+1:]); err == nil && n >= 0 {
			base, turn = claim[:i], n
		}
	}
	h := fnv.New32a()
	// A hash never fails to take bytes.
	_, _ = h.Write([]byte(base))
	first := (int(h.Sum32()) + turn) % len(zones)
	return append(slices.Clone(zones[first:]), zones[:first]...)
}
