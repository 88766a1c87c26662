package config

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// load parses args and env ("NAME=value") and loads the file's content.
func load(t *testing.T, args []string, env map[string]string, file string) (*Config, error) {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	l := AddFlags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	path := ""
	if file != "" {
		path = filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return l.Load(path, func(name string) string { return env[name] })
}

func TestOldEnvironmentVariablesConfigureEverything(t *testing.T) {
	c, err := load(t, nil, map[string]string{
		"ALIYUN_ACCESS_KEY": "test-key", "ALIYUN_ACCESS_KEY_SECRET": "test-secret", "ALIYUN_REGION": "cn-hangzhou",
		"ALIYUN_VPC": "vpc-1", "ALIYUN_ROUTER": "vrt-1", "ALIYUN_ROUTE_TABLE": "vtb-1", "ALIYUN_VSWITCH": "vsw-1",
		"ALIYUN_ZONE": "cn-hangzhou-h", "ALIYUN_NODE_NAME_TYPE": "hostname",
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%+v %v %s %s", c.Location, c.Routes.TableIDs, c.Credentials.Source, c.Credentials.AccessKeyID)
	want := "{Region:cn-hangzhou VPCID:vpc-1 VRouterID:vrt-1 VSwitchIDs:[vsw-1] Zone:cn-hangzhou-h NodeNameType:hostname} [vtb-1] environment test-key"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFlagBeatsEnvironmentBeatsFile(t *testing.T) {
	file := "region: cn-file\nvpc: vpc-file\nzone: zone-file\n"
	env := map[string]string{"ALIYUN_REGION": "cn-env", "ALIYUN_VPC": "vpc-env"}
	c, err := load(t, []string{"--region=cn-flag"}, env, file)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Location.Region + " " + c.Location.VPCID + " " + c.Location.Zone; got != "cn-flag vpc-env zone-file" {
		t.Errorf("got %q", got)
	}
}

func TestFiveMistakesGiveFiveLines(t *testing.T) {
	_, err := load(t, []string{"--region=Hangzhou", "--backends-per-load-balancer=500", "--slb-endpoint=http://192.0.2.1"},
		map[string]string{"ALIYUN_VPC": "my-vpc", "ALIYUN_ACCESS_KEY": "test-key"}, "")
	if err == nil {
		t.Fatal("no error")
	}
	if got := strings.Count(err.Error(), "\n  - "); got != 5 {
		t.Errorf("%d lines, want 5:\n%v", got, err)
	}
	for _, word := range []string{"--region", "ALIYUN_VPC", "--backends-per-load-balancer", "--slb-endpoint", "ALIYUN_ACCESS_KEY_SECRET"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s is not named:\n%v", word, err)
		}
	}
}

func TestUnknownFileKeyIsRefusedByName(t *testing.T) {
	_, err := load(t, nil, nil, "regoin: cn-hangzhou\n")
	if err == nil || !strings.Contains(err.Error(), "regoin") {
		t.Errorf("got %v", err)
	}
}

func TestSecretNeverPrints(t *testing.T) {
	c, err := load(t, nil, map[string]string{"ALIYUN_ACCESS_KEY": "test-key", "ALIYUN_ACCESS_KEY_SECRET": "test-hush"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if out := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(out, "test-hush") {
		t.Errorf("the secret is in %s", out)
	}
}

func TestSecretsHaveNoFlag(t *testing.T) {
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	AddFlags(fs)
	for _, name := range []string{"access-key", "access-key-secret", "security-token"} {
		if fs.Lookup(name) != nil {
			t.Errorf("--%s would put a secret into argv", name)
		}
	}
}

func TestSourceOfCredentialsFollowsFromWhatIsGiven(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		env  map[string]string
		want CredentialSource
	}{
		{"nothing", nil, nil, SourceSecret},
		{"key in the environment", nil, map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": "test-key", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "test-secret"}, SourceEnvironment},
		{"file", []string{"--credentials-file=/keys.yaml"}, nil, SourceFile},
		{"role", []string{"--ram-role=node"}, nil, SourceRAMRole},
		{"token file", []string{"--oidc-token-file=/token", "--oidc-provider-arn=acs:ram::1:oidc-provider/p", "--assume-role-arn=acs:ram::1:role/r"}, nil, SourceOIDC},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := load(t, tc.args, tc.env, "")
			if err != nil {
				t.Fatal(err)
			}
			if c.Credentials.Source != tc.want {
				t.Errorf("got %s, want %s", c.Credentials.Source, tc.want)
			}
		})
	}
}

func TestEverySettingHasHelpAndValidDefault(t *testing.T) {
	for _, s := range settings {
		if s.help == "" || s.zh == "" {
			t.Errorf("%s lacks help in a language", s.flag)
		}
		if s.fallback != "" {
			if err := s.set(&Config{}, s.fallback); err != nil {
				t.Errorf("default of %s: %v", s.flag, err)
			}
		}
	}
}

type fakeMetadata struct{ err error }

func (f fakeMetadata) RegionID(context.Context) (string, error)  { return "cn-meta", f.err }
func (f fakeMetadata) ZoneID(context.Context) (string, error)    { return "zone-meta", f.err }
func (f fakeMetadata) VPCID(context.Context) (string, error)     { return "vpc-meta", f.err }
func (f fakeMetadata) VSwitchID(context.Context) (string, error) { return "vsw-meta", f.err }

func TestMetadataFillsOnlyGaps(t *testing.T) {
	l := Location{VPCID: "vpc-mine"}
	if err := l.Complete(t.Context(), fakeMetadata{}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(l.Region, l.VPCID, l.Zone, l.VSwitchIDs); got != "cn-metavpc-minezone-meta[vsw-meta]" {
		t.Errorf("got %q", got)
	}
}

func TestUnreachableMetadataNamesTheFlagsThatHelp(t *testing.T) {
	cause := errors.New("no route to host")
	var missing *MissingError
	err := (&Location{}).Complete(t.Context(), fakeMetadata{err: cause})
	if !errors.As(err, &missing) || !errors.Is(err, cause) {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(err.Error(), "--region, --vpc") {
		t.Errorf("got %v", err)
	}
}

func TestAnnotationPolicyIsReadFromFlagAndFile(t *testing.T) {
	want := "[{Namespaces:[team-*] Scopes:[cost] Allow:map[cert-id:[c-1]]}]"
	file := "annotation-policy:\n- namespaces: [team-*]\n  scopes: [cost]\n  allow:\n    cert-id: [c-1]\n"
	flag := `--annotation-policy=[{"namespaces":["team-*"],"scopes":["cost"],"allow":{"cert-id":["c-1"]}}]`
	for name, given := range map[string]struct {
		args []string
		file string
	}{"file": {nil, file}, "flag": {[]string{flag}, ""}} {
		c, err := load(t, given.args, nil, given.file)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := fmt.Sprintf("%+v", c.LoadBalancer.AnnotationPolicy); got != want {
			t.Errorf("%s: got %s", name, got)
		}
	}
	if _, err := load(t, []string{"--annotation-policy=[{namespace: x}]"}, nil, ""); err == nil || !strings.Contains(err.Error(), "namespaces, scopes and allow") {
		t.Errorf("an unknown word in a rule: %v", err)
	}
	if c, _ := load(t, nil, nil, ""); c.LoadBalancer.AnnotationPolicy != nil {
		t.Error("there is a policy without one being given")
	}
}
