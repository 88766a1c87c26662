package manifest

import (
	"strings"
	"testing"
)

func TestServicesAreTakenOutOfAFile(t *testing.T) {
	services, err := Services([]byte(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
---
# only a comment
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: LoadBalancer
  ports: [{port: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: other, namespace: shop}
`), "here")
	if err != nil {
		t.Fatal(err)
	}
	if len(services) != 2 {
		t.Fatalf("%d Services, want 2", len(services))
	}
	for i, want := range []string{"here/web", "shop/other"} {
		if got := services[i].Namespace + "/" + services[i].Name; got != want {
			t.Errorf("Service %d is %s, want %s", i, got, want)
		}
	}
	if services[0].Spec.Ports[0].Port != 80 {
		t.Errorf("ports %v", services[0].Spec.Ports)
	}
}

func TestFilesThatCannotBeMeantAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ content, says string }{
		"misspelt field": {"apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {portz: []}", `"portz"`},
		"no name":        {"apiVersion: v1\nkind: Service", "document 1: the Service has no name"},
		"no YAML":        {"apiVersion: v1\n\tkind: Service", "document 1"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Services([]byte(c.content), "default"); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want one that says %s", err, c.says)
			}
		})
	}
}

func FuzzServicesOfAFile(f *testing.F) {
	f.Add("apiVersion: v1\nkind: Service\nmetadata: {name: web}\n---\nkind: Deployment\n")
	f.Add(`{"apiVersion":"v1","kind":"Service","metadata":{"name":"web"}}`)
	f.Fuzz(func(t *testing.T, content string) {
		services, err := Services([]byte(content), "here")
		if err != nil && len(services) > 0 {
			t.Errorf("%d Services beside the error %v", len(services), err)
		}
		for _, s := range services {
			if s.Name == "" || s.Namespace == "" {
				t.Errorf("a Service without a name: %+v", s.ObjectMeta)
			}
		}
	})
}
