package slb

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDiff(t *testing.T) {
	tests := map[string]struct {
		protocol             Protocol
		wanted, actual, want Attributes
	}{
		"nothing wanted changes nothing": {TCP, Attributes{}, Attributes{Scheduler: "rr"}, Attributes{}},
		"same value":                     {TCP, Attributes{Scheduler: "rr"}, Attributes{Scheduler: "rr"}, Attributes{}},
		"absent means the default":       {TCP, Attributes{Scheduler: "wrr", EstablishedTimeout: "900"}, Attributes{}, Attributes{}},
		"other value":                    {TCP, Attributes{Scheduler: "rr"}, Attributes{Scheduler: "wrr"}, Attributes{Scheduler: "rr"}},
		"other spelling of a switch":     {HTTP, Attributes{Gzip: "true"}, Attributes{Gzip: "on"}, Attributes{}},
		"other spelling of a boolean":    {TCP, Attributes{ProxyProtocol: "on"}, Attributes{ProxyProtocol: "True"}, Attributes{}},
		"other spelling of a number":     {TCP, Attributes{PersistenceTimeout: "030"}, Attributes{PersistenceTimeout: "30"}, Attributes{}},
		"order of a list": {
			HTTP, Attributes{HealthCheck: "on", HealthCheckHTTPCode: "http_3xx,http_2xx"},
			Attributes{HealthCheck: "on", HealthCheckHTTPCode: "http_2xx,http_3xx"}, Attributes{},
		},
		"backend port in three spellings": {
			TCP, Attributes{HealthCheckPort: "-520"}, Attributes{HealthCheckPort: "0"}, Attributes{},
		},
		"check port of its own": {
			TCP, Attributes{HealthCheckPort: "10256"}, Attributes{},
			Attributes{HealthCheckPort: "10256", HealthCheck: "on"},
		},
		"a change repeats the switch it depends on": {
			HTTP, Attributes{StickySession: "on", StickySessionType: "insert", CookieTimeout: "300"},
			Attributes{StickySession: "on", StickySessionType: "insert", CookieTimeout: "500"},
			Attributes{StickySession: "on", StickySessionType: "insert", CookieTimeout: "300"},
		},
		"settings of a check that is off do not count": {
			TCP, Attributes{HealthCheck: "off", HealthyThreshold: "9"}, Attributes{HealthCheck: "off"}, Attributes{},
		},
		"settings of an HTTP check do not count on a TCP check": {
			TCP, Attributes{HealthCheckType: "tcp", HealthCheckURI: "/healthz"}, Attributes{}, Attributes{},
		},
		"layer 7 listeners check by HTTP": {
			HTTP, Attributes{HealthCheck: "on", HealthCheckURI: "/a"}, Attributes{HealthCheck: "on", HealthCheckURI: "/b"},
			Attributes{HealthCheck: "on", HealthCheckType: "http", HealthCheckURI: "/a"},
		},
		"draining switched on takes its time-out along": {
			TCP, Attributes{ConnectionDrain: "on", DrainTimeout: "300"}, Attributes{},
			Attributes{ConnectionDrain: "on", DrainTimeout: "300"},
		},
		"also one that is not named": {
			UDP, Attributes{ConnectionDrain: "on"}, Attributes{ConnectionDrain: "off", DrainTimeout: "60"},
			Attributes{ConnectionDrain: "on", DrainTimeout: "60"},
		},
		"draining switched off does not": {
			TCP, Attributes{ConnectionDrain: "off", DrainTimeout: "300"}, Attributes{ConnectionDrain: "on", DrainTimeout: "60"},
			Attributes{ConnectionDrain: "off"},
		},
		"a field that the protocol lacks is ignored": {
			UDP, Attributes{EstablishedTimeout: "10"}, Attributes{}, Attributes{},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, Diff(tt.protocol, tt.wanted, tt.actual)); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func TestApplyingADiffLeavesNone(t *testing.T) {
	wanted := Attributes{
		Scheduler: "rr", HealthCheck: "on", HealthCheckType: "http", HealthCheckURI: "/healthz", HealthCheckPort: "10256",
		ConnectionDrain: "on", DrainTimeout: "60", ACLStatus: "on", ACLType: "white", ACLID: "acl-b,acl-a",
	}
	for _, actual := range []Attributes{{}, {HealthCheck: "off"}, {HealthCheckType: "http", ConnectionDrain: "on"}} {
		after := maps.Clone(actual)
		maps.Copy(after, Diff(TCP, wanted, actual))
		if left := Diff(TCP, wanted, after); len(left) != 0 {
			t.Errorf("from %v: still %v", actual, left)
		}
	}
}

func TestEqualLooksAtMeaningAlone(t *testing.T) {
	if !Equal(TCP, Attributes{HealthCheck: "off", HealthyThreshold: "9"}, Attributes{HealthCheck: "off"}) {
		t.Error("thresholds of a check that is off make a difference")
	}
	if Equal(TCP, Attributes{HealthCheck: "off"}, Attributes{}) {
		t.Error("a check switched off equals one that is on")
	}
	if Equal(TCP, Attributes{Scheduler: "rr"}, Attributes{}) {
		t.Error("another scheduler equals the default")
	}
}

func TestValidateTellsEveryProblem(t *testing.T) {
	err := Validate(TCP, Attributes{
		Scheduler: "fastest", PersistenceTimeout: "3601", ConnectionDrain: "maybe", ProxyProtocol: "2",
		StickySession: "on", Description: strings.Repeat("x", 257), HealthCheckHTTPCode: "http_2xx,http_6xx",
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, f := range []Field{
		Scheduler, PersistenceTimeout, ConnectionDrain, ProxyProtocol, StickySession, Description, HealthCheckHTTPCode,
	} {
		if !strings.Contains(err.Error(), string(f)) {
			t.Errorf("%s is not told: %v", f, err)
		}
	}
	if err := Validate(TCP, Attributes{Bandwidth: "-1", HealthCheckPort: BackendPort, PersistenceTimeout: "0"}); err != nil {
		t.Errorf("good values refused: %v", err)
	}
}

func TestOnlyFieldsFixedAtCreationNeedRecreation(t *testing.T) {
	if NeedsRecreation(HTTP, Attributes{Gzip: "off"}) || !NeedsRecreation(HTTP, Attributes{ForwardPort: "443"}) {
		t.Error("wrong verdict")
	}
}

func TestEncodedCreateAndSetUseTheirOwnSpelling(t *testing.T) {
	attributes := Attributes{HealthCheckInterval: "7", HealthCheckRequest: "ping", HealthCheckPort: BackendPort}
	create := encodeCreate(UDP, attributes)
	if d := cmp.Diff(map[string]string{"Bandwidth": "-1", "healthCheckInterval": "7", "healthCheckReq": "ping"}, create); d != "" {
		t.Errorf("create -want +got\n%s", d)
	}
	set := encodeSet(UDP, attributes)
	want := map[string]string{"HealthCheckInterval": "7", "healthCheckReq": "ping", "HealthCheckConnectPort": "-520"}
	if d := cmp.Diff(want, set); d != "" {
		t.Errorf("set -want +got\n%s", d)
	}
	if got := encodeCreate(TCP, Attributes{ConnectionDrain: "on"}); got["ConnectionDrainTimeout"] != "300" {
		t.Errorf("draining without its time-out: %v", got)
	}
	if got := encodeCreate(HTTP, nil); got["StickySession"] != "off" || got["HealthCheck"] != "off" {
		t.Errorf("required switches are missing: %v", got)
	}
}
