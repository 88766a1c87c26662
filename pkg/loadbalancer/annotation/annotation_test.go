package annotation

import (
	"flag"
	"os"
	"path/filepath"
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
		"feature not built yet": {Prefix + "id", "lb-1", "not supported by this version"},
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
		for _, suffix := range unsupported {
			if suffix == string(e.Key) {
				t.Errorf("%s is supported and unsupported", suffix)
			}
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

func FuzzParse(f *testing.F) {
	f.Add("bandwidth", "10")
	f.Add("additional-resource-tags", "a=b,c")
	f.Add("health-check-httpcode", "http_2xx")
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
