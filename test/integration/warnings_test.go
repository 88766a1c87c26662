package integration

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// warnings are the Warnings of one reason (a pattern such as LoadBalancer*) on an
// object, a line each with how often it was told.
func warnings(r *rig.Rig, name, reason string) []string {
	r.T.Helper()
	list, err := r.Client.CoreV1().Events(metav1.NamespaceAll).List(r.T.Context(), metav1.ListOptions{})
	if err != nil {
		r.T.Fatal(err)
	}
	var lines []string
	for i := range list.Items {
		e := &list.Items[i]
		if e.InvolvedObject.Name == name && e.Type == corev1.EventTypeWarning && matches(reason, e.Reason) {
			lines = append(lines, fmt.Sprintf("%d times %s", max(e.Count, 1), e.Message))
		}
	}
	slices.Sort(lines)
	return lines
}

func matches(pattern, reason string) bool {
	ok, err := path.Match(pattern, reason)
	return ok && err == nil
}

// awaitWarning waits for a Warning of a reason that holds all texts, and returns
// all of that reason.
func awaitWarning(r *rig.Rig, name, reason string, texts ...string) []string {
	r.T.Helper()
	var lines []string
	r.Eventually(15*time.Second, name+" has a Warning "+reason+" with "+strings.Join(texts, " and "), func() (bool, string) {
		lines = warnings(r, name, reason)
		return slices.ContainsFunc(lines, func(line string) bool { return holdsAll(line, texts...) }), r.Events(name)
	})
	return lines
}

var requestID = regexp.MustCompile(`, request ID [0-9A-Za-z-]+|^\d+ times `)

// saysOne fails unless the Warnings of a pattern of reasons say one thing that
// holds all texts, request IDs aside, in no more than so many Events.
func saysOne(r *rig.Rig, most int, name, reason string, texts ...string) {
	r.T.Helper()
	lines := awaitWarning(r, name, reason, texts...)
	said := map[string]bool{}
	for _, line := range lines {
		said[requestID.ReplaceAllString(line, "")] = true
	}
	if len(said) != 1 || len(lines) > most {
		r.T.Errorf("%s has these Warnings %s, want one, at most %d times:\n%s", name, reason, most, strings.Join(lines, "\n"))
	}
}

// onlyOnce fails unless there is one Warning of the reason, told once, that holds
// all texts.
func onlyOnce(r *rig.Rig, name, reason string, texts ...string) {
	r.T.Helper()
	lines := awaitWarning(r, name, reason, texts...)
	if len(lines) != 1 || !strings.HasPrefix(lines[0], "1 times ") {
		r.T.Errorf("%s has these Warnings %s, want one:\n%s", name, reason, strings.Join(lines, "\n"))
	}
}

func holdsAll(text string, parts ...string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(text, part) })
}

// toldInLog counts the lines of a replica's log that hold all texts, without those
// in which the server logs its own answers.
func toldInLog(c *rig.Controller, texts ...string) int {
	told := 0
	for line := range strings.Lines(c.Output()) {
		if holdsAll(line, texts...) && !strings.Contains(line, "logging error output") {
			told++
		}
	}
	return told
}

// callsDuring counts the calls per action that arrive within a while.
func callsDuring(r *rig.Rig, while time.Duration) map[string]int {
	r.T.Helper()
	before := r.Sim.Counts()
	r.Never(while, "the controller has ended", func() (bool, string) { return false, "" })
	calls := map[string]int{}
	for action, n := range r.Sim.Counts() {
		if n > before[action] {
			calls[action] = n - before[action]
		}
	}
	return calls
}

// mutations are the changing calls of the journal, oldest first.
func mutations(r *rig.Rig) []string {
	r.T.Helper()
	var lines []string
	for _, e := range r.Sim.Journal() {
		if e.Mutating {
			lines = append(lines, fmt.Sprint(e.Action, " ", e.Code, " ", e.Params))
		}
	}
	return lines
}

// total is the sum of counts.
func total(counts map[string]int) int {
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum
}

// in is a rig whose failures are a subtest's.
func in(r *rig.Rig, t *testing.T) *rig.Rig {
	inner := *r
	inner.T = t
	return &inner
}
