package event

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	testclock "k8s.io/utils/clock/testing"
)

func node(name string, uid types.UID) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, UID: uid}}
}

func drain(fake *record.FakeRecorder) []string {
	var events []string
	for {
		select {
		case e := <-fake.Events:
			events = append(events, e)
		default:
			return events
		}
	}
}

func TestEveryReasonIsDocumentedInBothLanguages(t *testing.T) {
	name := regexp.MustCompile(`^[A-Z][A-Za-z0-9]+$`)
	all := All()
	if len(all) == 0 {
		t.Fatal("no reasons")
	}
	for _, r := range all {
		if !name.MatchString(r.Name) || r.Type != Normal && r.Type != Warning {
			t.Errorf("%+v has no proper name or type", r)
		}
		if !strings.HasSuffix(r.Doc, ".") {
			t.Errorf("%s: no English sentence", r.Name)
		}
		if !strings.HasSuffix(r.DocZH, "。") || !strings.ContainsFunc(r.DocZH, func(c rune) bool { return unicode.Is(unicode.Han, c) }) {
			t.Errorf("%s: no Chinese sentence", r.Name)
		}
	}
}

func TestSameReasonTwicePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("the second registration was accepted")
		}
	}()
	register(Reason{Name: ServerNotFound.Name})
}

func TestIdenticalEventIsRecordedOncePerInterval(t *testing.T) {
	fake := record.NewFakeRecorder(10)
	clock := testclock.NewFakePassiveClock(time.Unix(0, 0))
	r := NewWithClock(fake, clock, time.Minute)
	for range 3 {
		r.Event(node("n1", "1"), ServerNotFound, "no server at %s", "10.0.0.1")
	}
	if got := drain(fake); len(got) != 1 || got[0] != "Warning ServerNotFound no server at 10.0.0.1" {
		t.Fatalf("events = %q", got)
	}
	clock.SetTime(clock.Now().Add(time.Minute))
	r.Event(node("n1", "1"), ServerNotFound, "no server at %s", "10.0.0.1")
	if got := drain(fake); len(got) != 1 {
		t.Fatalf("after the interval: events = %q", got)
	}
}

func TestDifferentEventsAreAllRecorded(t *testing.T) {
	fake := record.NewFakeRecorder(10)
	r := NewWithClock(fake, testclock.NewFakePassiveClock(time.Unix(0, 0)), time.Minute)
	r.Event(node("n1", "1"), ServerNotFound, "a")
	r.Event(node("n1", "1"), ServerNotFound, "b")
	r.Event(node("n1", "1"), ServerInOtherVPC, "a")
	r.Event(node("n1", "2"), ServerNotFound, "a")
	r.Event(node("n2", "1"), ServerNotFound, "a")
	if got := drain(fake); len(got) != 5 {
		t.Fatalf("events = %q", got)
	}
}

func TestLongMessageIsCutAtACharacter(t *testing.T) {
	fake := record.NewFakeRecorder(10)
	New(fake).Event(node("n1", "1"), ServerNotFound, "%s", strings.Repeat("云", 1000))
	got := strings.TrimPrefix(drain(fake)[0], "Warning ServerNotFound ")
	if len(got) > 1024 || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
		t.Errorf("message of %d bytes: %q", len(got), got)
	}
}

func TestMemoryOfEventsIsBounded(t *testing.T) {
	r := NewWithClock(&record.FakeRecorder{}, testclock.NewFakePassiveClock(time.Unix(0, 0)), time.Minute)
	for i := range 2*maxRemembered + 10 {
		r.Event(node(fmt.Sprint("n", i), "1"), ServerNotFound, "a")
	}
	if len(r.recorded) > maxRemembered {
		t.Errorf("%d events are remembered", len(r.recorded))
	}
}

func TestRequestIDDoesNotMakeAnEventAnother(t *testing.T) {
	fake := record.NewFakeRecorder(10)
	r := New(fake)
	for _, id := range []string{"0A1B-2C", "3D4E-5F"} {
		r.Event(node("n1", "1"), ServerNotFound, "refused, HTTP 403, request ID %s", id)
	}
	if got := drain(fake); len(got) != 1 || got[0] != "Warning ServerNotFound refused, HTTP 403, request ID 0A1B-2C" {
		t.Errorf("events = %q", got)
	}
}
