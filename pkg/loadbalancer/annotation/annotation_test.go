package annotation

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the reference pages")

func TestValuesAreTakenInCanonicalForm(t *testing.T) {
	parsed := Parse(map[string]string{
		Prefix + "bandwidth":                " 010 ",
		LegacyPrefix + "scheduler":          "rr",
		ArchonPrefix + "healthy-threshold":  "4",
		Prefix + "health-check-httpcode":    "http_3xx,http_2xx, http_3xx",
		Prefix + "additional-resource-tags": "team=a=b, env",
		Prefix + "spec":                     "",
		"example.com/else":                  "x",
	})
	want := Settings{
		Bandwidth: "10", Scheduler: "rr", HealthyThreshold: "4",
		HealthCheckHTTPCode: "http_2xx,http_3xx", AdditionalTags: "team=a=b, env",
	}
	if diff := cmp.Diff(want, parsed.Settings); diff != "" {
		t.Error(diff)
	}
	if len(parsed.Mistakes)+len(parsed.Warnings) != 0 {
		t.Errorf("complaints: %v %v", parsed.Mistakes, parsed.Warnings)
	}
	if diff := cmp.Diff(map[string]string{"team": "a=b", "env": ""}, parsed.Settings.Tags(AdditionalTags)); diff != "" {
		t.Error(diff)
	}
}

func TestWrongValuesAreReportedAllAtOnceWithTheirRemedy(t *testing.T) {
	cases := map[string]struct{ key, value, says string }{
		"letters for a number":  {Prefix + "bandwidth", "ten", "must be a whole number from 1 to 5000"},
		"below the range":       {Prefix + "unhealthy-threshold", "1", "from 2 to 10"},
		"above the range":       {Prefix + "established-timeout", "901", "from 10 to 900"},
		"not a choice":          {Prefix + "scheduler", "best", "must be wrr, rr, wlc, sch, tch or qch"},
		"wrong case":            {Prefix + "address-type", "Intranet", "must be internet or intranet"},
		"not in the list":       {Prefix + "health-check-httpcode", "200", "must be a list of http_2xx"},
		"bad name":              {Prefix + "name", "1st", "a letter first"},
		"bad vSwitch":           {Prefix + "vswitch-id", "vpc-1", "starts with vsw-"},
		"bad zone":              {Prefix + "master-zoneid", "B", "must be a zone"},
		"path without slash":    {Prefix + "health-check-uri", "healthz", "a slash first"},
		"bad domain":            {Prefix + "health-check-domain", "a..b", "must be a host name"},
		"reserved tag":          {Prefix + "additional-resource-tags", "kube-aliyun.io/cluster-id=x", "reserved"},
		"tag twice":             {Prefix + "additional-resource-tags", "a=1,a=2", "once"},
		"tag with a URL":        {Prefix + "additional-resource-tags", "a=http://x", "URL"},
		"tag without a key":     {Prefix + "additional-resource-tags", "=x", "tag keys"},
		"another controller's":  {"service.beta.kubernetes.io/class", "edge", "gives the Service to another controller"},
		"another kind":          {Prefix + "type", "nlb", "not supported by this version"},
		"item without a port":   {Prefix + "idle-timeout", "80:5,6", "a port in each item"},
		"port twice":            {Prefix + "idle-timeout", "80:5,080:6", "name port 80 once"},
		"no such port":          {Prefix + "idle-timeout", "70000:5", "a port in each item"},
		"wrong for one port":    {Prefix + "idle-timeout", "80:5,81:x", "for port 81 must be a whole number"},
		"neither port nor word": {Prefix + "health-check-connect-port", "0", "from 1 to 65535"},
		"unknown protocol":      {Prefix + "protocol-port", "HTTPS:443", "small letters"},
		"protocol without port": {Prefix + "protocol-port", "https", "must be a list such as https:443,http:80"},
		"two protocols":         {Prefix + "protocol-port", "https:443,http:443", "name port 443 once"},
		"redirect to itself":    {Prefix + "forward-port", "80:80", "two different ports"},
		"redirect twice":        {Prefix + "forward-port", "80:443,80:8443", "redirect port 80 once"},
		"bad certificate":       {Prefix + "cert-id", "a/b", "id of a server certificate"},
		"bad cookie":            {Prefix + "cookie", "a;b", "must be 1 to 200 letters"},
		"bad address":           {Prefix + "ip", "10.0.0", "must be an IP address"},
		"host name of digits":   {Prefix + "hostname", "10.0.0.1", "no IP address"},
		"capital host name":     {Prefix + "hostname", "Example.com", "must be a host name"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			parsed := Parse(map[string]string{c.key: c.value})
			if len(parsed.Mistakes) != 1 || !strings.Contains(parsed.Mistakes[0], c.says) || !strings.Contains(parsed.Mistakes[0], c.key) {
				t.Errorf("mistakes = %q, want one about %s that says %q", parsed.Mistakes, c.key, c.says)
			}
			if len(parsed.Settings) != 0 {
				t.Errorf("settings = %v, want none", parsed.Settings)
			}
		})
	}
	all := map[string]string{Prefix + "bandwidth": "x", Prefix + "spec": "big", ArchonPrefix + "scheduler": "best"}
	if got := Parse(all).Mistakes; len(got) != 3 {
		t.Errorf("three mistakes gave %q", got)
	}
}

func TestUnknownKeysGetTheNearestKnownOne(t *testing.T) {
	parsed := Parse(map[string]string{
		Prefix + "health-chek-interval": "3",
		OwnPrefix + "colour":            "red",
	})
	want := []string{
		"annotation service.beta.kubernetes.io/alibaba-cloud-loadbalancer-health-chek-interval is unknown and has no effect; " +
			"did you mean service.beta.kubernetes.io/alibaba-cloud-loadbalancer-health-check-interval?",
		"annotation service.kube-aliyun.io/colour is unknown and has no effect",
	}
	if diff := cmp.Diff(want, parsed.Warnings); diff != "" {
		t.Error(diff)
	}
}

func TestDocumentedFamilyWinsOverTheOthers(t *testing.T) {
	parsed := Parse(map[string]string{
		Prefix + "charge-type":                "paybytraffic",
		ArchonPrefix + "internet-charge-type": "paybybandwidth",
	})
	if got := parsed.Settings[InternetChargeType]; got != "paybytraffic" {
		t.Errorf("charge type = %q", got)
	}
	if len(parsed.Warnings) != 1 || !strings.Contains(parsed.Warnings[0], ArchonPrefix) {
		t.Errorf("warnings = %q, want one about the key that lost", parsed.Warnings)
	}
}

func TestRegistryIsComplete(t *testing.T) {
	seen := map[string]Key{}
	for _, e := range Registry() {
		if e.Doc.English == "" || e.Doc.Chinese == "" || e.Scope == "" || e.Type == "" {
			t.Errorf("%s: incomplete: %+v", e.Key, e)
		}
		if e.Default == "" && (e.DefaultDoc.English == "" || e.DefaultDoc.Chinese == "") {
			t.Errorf("%s: no default and no word about it", e.Key)
		}
		if e.Default != "" {
			if canonical, err := e.parse(e.Default); err != nil || canonical != e.Default {
				t.Errorf("%s: default %q is not a canonical value: %v", e.Key, e.Default, err)
			}
		}
		for _, full := range e.Keys() {
			if other, taken := seen[full]; taken {
				t.Errorf("%s is a key of %s and of %s", full, other, e.Key)
			}
			seen[full] = e.Key
		}
		if slices.Contains(unsupported, string(e.Key)) {
			t.Errorf("%s is supported and unsupported", e.Key)
		}
		if (e.Type == List || e.Type == PairList) && (e.Form == "" || e.Check == nil) {
			t.Errorf("%s: a list without a form or a check", e.Key)
		}
	}
}

func TestReferencePagesAreUpToDate(t *testing.T) {
	pages := map[string]Language{"annotations.md": English, "annotations.zh.md": Chinese}
	for name, language := range pages {
		path := filepath.Join("..", "..", "..", "docs", "reference", name)
		want := Reference(language)
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s differs from the registry; run go test ./pkg/loadbalancer/annotation -update\n%s", name, diff)
		}
	}
}

func TestEveryKeyOfTheOfficialControllerIsKnown(t *testing.T) {
	keys := strings.Fields(`id force-override-listeners name address-type network-type vswitch-id master-zoneid slave-zoneid ip ip-version
		instance-charge-type spec charge-type bandwidth resource-group-id additional-resource-tags delete-protection modification-protection
		preserve-lb-on-delete external-ip-type hostname protocol-port scheduler persistence-timeout established-timeout idle-timeout
		request-timeout cert-id domain-extensions tls-cipher-policy http2-enabled forward-port sticky-session sticky-session-type
		cookie-timeout cookie acl-status acl-id acl-type connection-drain connection-drain-timeout proxy-protocol xforwardedfor-proto
		xforwardedfor-slbport xforwardedfor-clientsrcport health-check-switch health-check-flag health-check-type health-check-uri
		health-check-domain health-check-httpcode health-check-method health-check-connect-port health-check-connect-timeout
		health-check-timeout health-check-interval healthy-threshold unhealthy-threshold backend-label backend-ip-version
		remove-unscheduled-backend vgroup-port weight default-weight ignore-weight-update`)
	names := []string{"service.beta.kubernetes.io/backend-type"}
	for _, key := range keys {
		names = append(names, Prefix+key, LegacyPrefix+key)
	}
	for _, key := range []string{
		"internet-charge-type", "bandwidth", "healthy-threshold", "unhealthy-threshold", "health-check-connect-timeout", "health-check-interval",
	} {
		names = append(names, ArchonPrefix+key)
	}
	var known []string
	for _, e := range Registry() {
		known = append(known, e.Keys()...)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			t.Errorf("%s is in no entry", name)
		}
	}
	if len(keys)+1 != 66 {
		t.Errorf("%d keys are compared", len(keys)+1)
	}
}

func TestPendingSettingsAreRefusedUnlessTheyAskForTheDefault(t *testing.T) {
	pending := Entry{Key: "new", Type: Choice, Choices: []string{on, off}, Default: off, Pending: true}
	for value, mistakes := range map[string]int{on: 1, off: 0} {
		parsed := Parsed{Settings: Settings{}}
		parsed.take(pending, Prefix+"new", value)
		if len(parsed.Mistakes) != mistakes || mistakes > 0 && !strings.Contains(parsed.Mistakes[0], "not supported by this version") {
			t.Errorf("%s: mistakes %q", value, parsed.Mistakes)
		}
	}
}

func TestListenersCanHaveAValueForEachPort(t *testing.T) {
	s := Parse(map[string]string{
		Prefix + "idle-timeout":          " 0443 : 20, 80:010",
		Prefix + "request-timeout":       "30",
		Prefix + "health-check-httpcode": "443:http_3xx|http_2xx,80:http_5xx",
		Prefix + "protocol-port":         "https:0443, http:80",
	})
	if len(s.Mistakes) > 0 {
		t.Fatal(s.Mistakes)
	}
	want := map[int]Settings{
		80:   {IdleTimeout: "10", RequestTimeout: "30", HealthCheckHTTPCode: "http_5xx", ProtocolPort: "http:80,https:443"},
		443:  {IdleTimeout: "20", RequestTimeout: "30", HealthCheckHTTPCode: "http_2xx,http_3xx", ProtocolPort: "http:80,https:443"},
		8080: {RequestTimeout: "30", ProtocolPort: "http:80,https:443"},
	}
	for port, settings := range want {
		if diff := cmp.Diff(settings, s.Settings.ForPort(port)); diff != "" {
			t.Errorf("port %d: %s", port, diff)
		}
	}
	if diff := cmp.Diff([]int{80, 443}, s.Settings.Ports(IdleTimeout)); diff != "" || len(s.Settings.Ports(RequestTimeout)) > 0 {
		t.Errorf("ports: %s", diff)
	}
	if diff := cmp.Diff([][2]string{{"http", "80"}, {"https", "443"}}, s.Settings.Pairs(ProtocolPort)); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("bandwidth", "10")
	f.Add("additional-resource-tags", "a=b,c")
	f.Add("health-check-httpcode", "http_2xx")
	f.Add("health-check-httpcode", "80:http_2xx|http_3xx,443:http_2xx")
	f.Add("protocol-port", "https:443, http:080")
	f.Add("domain-extensions", "a.example.com:cert-1")
	f.Add("acl-id", "443:acl-1|acl-2")
	f.Fuzz(func(t *testing.T, suffix, value string) {
		parsed := Parse(map[string]string{Prefix + suffix: value})
		again := map[string]string{}
		for key, canonical := range parsed.Settings {
			again[Prefix+string(key)] = canonical
		}
		if diff := cmp.Diff(parsed.Settings, Parse(again).Settings); diff != "" {
			t.Errorf("the canonical form is not stable: %s", diff)
		}
	})
}
