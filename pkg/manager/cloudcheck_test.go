package manager

import (
	"strings"
	"testing"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/pkg/config"
)

func TestRefusalsAreExplainedWithTheirRemedy(t *testing.T) {
	cfg := &config.Config{
		Location:    config.Location{Region: "cn-beijing", VPCID: "vpc-1"},
		Credentials: config.Credentials{Source: config.SourceSecret, SecretNamespace: "kube-system", SecretName: "aliyun-creds"},
	}
	for _, test := range []struct {
		code   string
		status int
		words  []string
	}{
		{"InvalidAccessKeyId.NotFound", 404, []string{"Secret kube-system/aliyun-creds", "correct id and secret"}},
		{"SignatureDoesNotMatch", 400, []string{"Secret kube-system/aliyun-creds"}},
		{"InvalidSecurityToken.Expired", 400, []string{"security token", "renews itself"}},
		{"InvalidRegionId.NotFound", 404, []string{"cn-beijing", "--region"}},
		{"Forbidden.RAM", 403, []string{"DescribeVpcs", "deploy/ram/controller.json"}},
	} {
		got := explain(cfg, apierror.New("Vpc", "DescribeVpcs", test.code, "told so", "REQ-1", test.status))
		for _, word := range test.words {
			if !strings.Contains(got, word) {
				t.Errorf("%s: %q lacks %q", test.code, got, word)
			}
		}
		if strings.Contains(got, "REQ-1") {
			t.Errorf("%s: the request ID makes each message new: %q", test.code, got)
		}
	}
}

func TestRefusedKeyIsForgottenWhenAKeyIsTaken(t *testing.T) {
	var r refusals
	for _, step := range []struct{ code, want string }{
		{"OK", ""}, {"InvalidAccessKeyId.Inactive", "InvalidAccessKeyId.Inactive"}, {"Throttling", "InvalidAccessKeyId.Inactive"}, {"OK", ""},
	} {
		r.observe(transport.Attempt{Code: step.code})
		if got := r.last(); got != step.want {
			t.Errorf("after %s: %q", step.code, got)
		}
	}
}
