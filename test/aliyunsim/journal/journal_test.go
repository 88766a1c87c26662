package journal

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

func record(j *Journal, action, code string) {
	e := Entry{Action: action}
	j.Begin(&e)
	e.Code = code
	j.End(&e)
}

func TestLatestEntriesAreKeptAndAllAreCounted(t *testing.T) {
	j := New(3)
	for i := range 5 {
		record(j, fmt.Sprintf("A%d", i%2), OK)
	}
	kept := j.Since(0)
	seqs := make([]int64, 0, len(kept))
	for _, e := range kept {
		seqs = append(seqs, e.Seq)
	}
	if diff := cmp.Diff([]int64{3, 4, 5}, seqs); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"A0": 3, "A1": 2}, j.Calls()); diff != "" {
		t.Error(diff)
	}
}

func TestEntryIsPendingUntilItsEnd(t *testing.T) {
	j := New(10)
	e := Entry{Action: "A"}
	j.Begin(&e)
	if got := j.Since(0)[0].Code; got != Pending {
		t.Fatalf("code %q while pending", got)
	}
	e.Code, e.Status = "Throttling", 400
	j.End(&e)
	if got := j.Since(0)[0]; got.Code != "Throttling" || got.Status != 400 {
		t.Fatalf("entry is %+v", got)
	}
	if diff := cmp.Diff(map[string]map[string]int{"A": {"Throttling": 1}}, j.Codes()); diff != "" {
		t.Error(diff)
	}
}

func TestEndOfAnOverwrittenEntryHarmsNobody(t *testing.T) {
	j := New(1)
	slow := Entry{Action: "Slow"}
	j.Begin(&slow)
	record(j, "Fast", OK)
	slow.Code = OK
	j.End(&slow)
	if got := j.Since(0); len(got) != 1 || got[0].Action != "Fast" {
		t.Fatalf("journal is %+v", got)
	}
}

func TestResetForgetsAlsoCallsInFlight(t *testing.T) {
	j := New(10)
	slow := Entry{Action: "Slow"}
	j.Begin(&slow)
	j.Reset()
	slow.Code = OK
	j.End(&slow)
	if len(j.Since(0)) != 0 || len(j.Calls()) != 0 || len(j.Codes()) != 0 {
		t.Fatalf("left over: %v %v %v", j.Since(0), j.Calls(), j.Codes())
	}
	record(j, "A", OK)
	if got := j.Since(0); len(got) != 1 || got[0].Seq != 2 {
		t.Fatalf("journal is %+v", got)
	}
}

func TestPublicParametersHoldNoSecret(t *testing.T) {
	got := Public(api.Params{
		"Action": "X", "Signature": "s", "SecurityToken": "t", "Timestamp": "now",
		"Password": "p", "ServerCertificate.1.PrivateKey": "k", "OIDCToken": "o", "InstanceId": "i-1", "Empty": "",
	})
	want := map[string]string{
		"Password": Redacted, "ServerCertificate.1.PrivateKey": Redacted, "OIDCToken": Redacted, "InstanceId": "i-1", "Empty": "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestAWatcherHearsOfACallBeforeItsOutcomeAndMayAskTheJournal(t *testing.T) {
	j := New(2)
	var heard []string
	j.Watch(func(e Entry) {
		heard = append(heard, fmt.Sprint(e.Seq, " ", e.Action, " ", e.Code == Pending, " ", len(j.Since(0))))
	})
	for range 3 {
		e := &Entry{Action: "A", Product: api.ECS}
		j.Begin(e)
		e.Code = OK
		j.End(e)
	}
	if diff := cmp.Diff([]string{"1 A true 1", "2 A true 2", "3 A true 2"}, heard); diff != "" {
		t.Error(diff)
	}
}
