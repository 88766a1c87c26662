package annotation

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/kube-aliyun/kube-aliyun/pkg/config"
)

func TestPolicyAllowsNamespacesWhatItsRulesAddUpTo(t *testing.T) {
	policy := config.AnnotationPolicy{
		{Namespaces: []string{"*"}, Allow: map[string][]string{"address-type": {"intranet"}, "cert-id": {"shared-*"}}},
		{Namespaces: []string{"team-*"}, Allow: map[string][]string{"bandwidth": nil}},
		{Namespaces: []string{"edge"}, Scopes: []string{"cost", "shared"}},
	}
	cases := map[string]struct {
		policy    config.AnnotationPolicy
		namespace string
		key       Key
		value     string
		refused   string // part of the sentence; "" = allowed
	}{
		"no policy":                       {nil, "any", Bandwidth, "5", ""},
		"a tenant setting":                {policy, "any", Scheduler, "rr", ""},
		"an allowed value":                {policy, "any", AddressType, "intranet", ""},
		"another value":                   {policy, "any", AddressType, "internet", `"internet" is not allowed in namespace any (a setting of scope cost)`},
		"a setting that is not named":     {policy, "any", Bandwidth, "5", "bandwidth"},
		"a rule of the namespace":         {policy, "team-1", Bandwidth, "5", ""},
		"a rule for all beside it":        {policy, "team-1", AddressType, "intranet", ""},
		"a whole scope":                   {policy, "edge", Spec, "slb.s3.large", ""},
		"a pattern of values":             {policy, "any", CertID, "shared-1", ""},
		"one of several ports is refused": {policy, "any", CertID, "443:shared-1,8443:own", `"own" is not allowed`},
		"an empty policy":                 {config.AnnotationPolicy{}, "any", CertID, "x", "cert-id"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			refused := Settings{c.key: c.value}.Refused(c.policy, c.namespace)
			if c.refused == "" && len(refused) > 0 || c.refused != "" && (len(refused) != 1 || !strings.Contains(refused[0], c.refused)) {
				t.Errorf("refused %q, want %q", refused, c.refused)
			}
		})
	}
}

func TestPolicyWithMistakesIsTold(t *testing.T) {
	err := CheckPolicy(config.AnnotationPolicy{
		{Scopes: []string{"costs"}, Allow: map[string][]string{"band-width": nil, "spec": {"["}}},
		{Namespaces: []string{"a"}, Scopes: []string{"cost"}, Allow: map[string][]string{"spec": {"slb.s1.*"}}},
	})
	want := []string{
		`annotation-policy: rule 1 names no namespaces`,
		`annotation-policy: rule 1: scope "costs" is none of tenant, shared and cost`,
		`annotation-policy: rule 1: there is no annotation "band-width"; did you mean bandwidth?`,
		`annotation-policy: rule 1: "[": syntax error in pattern`,
	}
	if err == nil {
		t.Fatal("nothing is told")
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Error(diff)
	}
}

func TestPolicyOfTheReferencePageIsRight(t *testing.T) {
	var file struct {
		Policy config.AnnotationPolicy `json:"annotation-policy"`
	}
	text := strings.TrimSuffix(strings.TrimPrefix(policyExample, "```yaml"), "```")
	if err := yaml.UnmarshalStrict([]byte(text), &file); err != nil || len(file.Policy) != 2 {
		t.Fatalf("policy %+v: %v", file.Policy, err)
	}
	if err := CheckPolicy(file.Policy); err != nil {
		t.Error(err)
	}
}
