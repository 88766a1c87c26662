package integration

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// TestConfigurationIsRefusedWithAllItsMistakes starts a controller with five.
func TestConfigurationIsRefusedWithAllItsMistakes(t *testing.T) {
	r := fresh(t, rig.Options{})
	c := r.StartController("--region=Hangzhou", "--vpc=small", "--route-tables=vtb-1,,vtb-2",
		"--backends-per-load-balancer=201", "--slb-endpoint=http://slb.example.com")
	c.Wait(10 * time.Second)
	if c.Ended() != "exit status 1" {
		t.Errorf("it ended with %s", c.Ended())
	}
	lines := strings.Split(strings.TrimSpace(c.Output()), "\n")
	if len(lines) != 6 || lines[0] != "the configuration has 5 problem(s):" {
		t.Errorf("not one line for each of five mistakes:\n%s", c.Output())
	}
	for _, want := range []string{
		`--region: "Hangzhou" is not a region such as cn-hangzhou`, `--vpc: "small" is not a VPC id such as vpc-0abc`,
		`--route-tables: "vtb-1,,vtb-2" has an empty item`, `--backends-per-load-balancer: "201" is not a number from 1 to 200`,
		`--slb-endpoint: "http://slb.example.com" is plain http to another machine`,
	} {
		if !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, want) }) {
			t.Errorf("no line says %s:\n%s", want, c.Output())
		}
	}
	untouched(r)
}

// TestSettingsThatTheCloudContradictsEndTheStart: what no waiting can mend ends
// the process before it takes part in anything, with the last line for people.
func TestSettingsThatTheCloudContradictsEndTheStart(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 2, Region: func(o *aliyunsim.Options) {
		o.Seed = strings.Replace(o.Seed, "vpcs:\n", "vpcs:\n- {id: vpc-other, cidr: 10.0.0.0/16, routerID: vrt-other}\n", 1)
	}})
	for name, c := range map[string]struct {
		flag string
		says []string
	}{
		"a route table of nobody":    {"--route-tables=vtb-nope", []string{"vtb-nope", "vpc-small has vtb-small", "--route-tables"}},
		"the router of another VPC":  {"--router=vrt-other", []string{"vrt-other", "vpc-small", "--router"}},
		"no range of Pods":           {"--cluster-cidr=", []string{"--cluster-cidr is missing", "--configure-cloud-routes=false"}},
		"two ranges of one family":   {"--cluster-cidr=10.0.0.0/16,10.1.0.0/16", []string{"--cluster-cidr", "one of each address family"}},
		"a table of another VPC too": {"--route-tables=vtb-small,vtb-nope", []string{"vtb-nope", "vpc-small has vtb-small"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := in(r, t)
			r.Sim.ResetCounters()
			replica := r.StartController(c.flag)
			t.Cleanup(replica.Kill)
			r.Eventually(10*time.Second, "the process ends", func() (bool, string) { return replica.Ended() != "", replica.Tail(5) })
			if last := replica.Tail(1); replica.Ended() != "exit status 1" || !holdsAll(last, c.says...) {
				t.Errorf("it ended with %s and this line, which should hold %q:\n%s", replica.Ended(), c.says, last)
			}
			untouched(r)
		})
	}
}

// TestRefusalsOfTheCloudAreToldInOnePlace: what can be mended from outside does
// not end the process. It waits, unready, and says once what to do.
func TestRefusalsOfTheCloudAreToldInOnePlace(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 2})
	expired := ram.Session{
		KeyID: "STS.test-expired", Secret: "test-expired-secret", Token: "test-expired-token", Role: "nobody", Expires: time.Now().Add(-time.Hour),
	}
	identities := r.Sim.Region.Identities
	if err := errors.Join(identities.PutRole(ram.Role{Name: expired.Role}), identities.PutSession(time.Now(), expired)); err != nil {
		t.Fatal(err)
	}
	key := func(id, secret string) []string {
		return []string{"ALIYUN_ACCESS_KEY=" + id, "ALIYUN_ACCESS_KEY_SECRET=" + secret}
	}
	cases := map[string]struct {
		args, env []string
		says      []string
	}{
		"wrong region":         {[]string{"--region=cn-beijing"}, nil, []string{"cn-beijing", "--region"}},
		"missing VPC":          {[]string{"--vpc=vpc-nope"}, nil, []string{"vpc-nope", "cn-hangzhou", "--vpc"}},
		"wrong access key id":  {nil, key("test-nope", aliyunsim.TestSecret), []string{"InvalidAccessKeyId.NotFound", "ALIYUN_ACCESS_KEY"}},
		"wrong secret":         {nil, key(aliyunsim.TestKey, "test-wrong"), []string{"SignatureDoesNotMatch", "ALIYUN_ACCESS_KEY_SECRET"}},
		"token that has ended": {nil, append(key(expired.KeyID, expired.Secret), "ALIYUN_SECURITY_TOKEN="+expired.Token), []string{"InvalidSecurityToken.Expired", "ALIYUN_SECURITY_TOKEN"}},
	}
	// They never lead, so they can wait side by side.
	replicas := map[string]*rig.Controller{}
	for name, c := range cases {
		replicas[name] = r.StartControllerWith(rig.ControllerConfig{Args: append(c.args, "-v=0"), Env: c.env})
	}
	for name, c := range cases {
		r.Eventually(10*time.Second, name+" is told", func() (bool, string) {
			status, body := replicas[name].Get("/readyz")
			return status == 503 && holdsAll(body, c.says...), fmt.Sprint(status, " ", body)
		})
	}
	if calls := callsDuring(r, 5*time.Second); total(calls) > 4*len(cases) {
		t.Errorf("hot retries of %d replicas within 5 s: %v", len(cases), calls)
	}
	for name, c := range cases {
		if ended := replicas[name].Ended(); ended != "" {
			t.Errorf("%s: it ended with %s", name, ended)
		}
		if told := toldInLog(replicas[name], c.says...); told != 1 {
			t.Errorf("%s: the log tells it %d times:\n%s", name, told, replicas[name].Tail(20))
		}
	}
	untouched(r)
}

// untouched fails if a controller has written anything.
func untouched(r *rig.Rig) {
	r.T.Helper()
	if lines := mutations(r); len(lines) > 0 {
		r.T.Errorf("it wrote to the cloud:\n%s", strings.Join(lines, "\n"))
	}
	if traces := tracesIn(r); len(traces) > 0 {
		r.T.Errorf("it wrote to Kubernetes: %v", traces)
	}
}
