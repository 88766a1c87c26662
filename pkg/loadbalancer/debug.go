package loadbalancer

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/queue"
)

// DebugPath is where DebugHandler's pages are.
const DebugPath = "/debug/loadbalancers"

// DebugHandler serves what the process knows of load balancers, as plain text: a
// line for each Service under DebugPath, everything about one under
// DebugPath/<namespace>/<name>. It reads from memory alone and makes no call.
// Whoever serves it sees to authorisation: the pages show all namespaces.
func (b *Balancers) DebugHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+DebugPath, b.debugIndex)
	mux.HandleFunc("GET "+DebugPath+"/{$}", b.debugIndex)
	mux.HandleFunc("GET "+DebugPath+"/{namespace}/{name}", func(w http.ResponseWriter, r *http.Request) {
		b.debugService(w, types.NamespacedName{Namespace: r.PathValue("namespace"), Name: r.PathValue("name")})
	})
	return mux
}

// debugIndex lists the Services that have, want or had a load balancer.
func (b *Balancers) debugIndex(w http.ResponseWriter, _ *http.Request) {
	services, err := b.options.Services.List(labels.Everything())
	if err != nil {
		http.Error(w, "list Services: "+err.Error(), http.StatusInternalServerError)
		return
	}
	rows := b.insights.list()
	for _, s := range services {
		if _, known := rows[s.UID]; !known && wants(s) {
			rows[s.UID] = &insight{service: types.NamespacedName{Namespace: s.Namespace, Name: s.Name}, result: "no pass yet"}
		}
	}
	uids := make([]types.UID, 0, len(rows))
	for uid := range rows {
		uids = append(uids, uid)
	}
	slices.SortFunc(uids, func(x, y types.UID) int {
		return strings.Compare(rows[x].service.String()+string(x), rows[y].service.String()+string(y))
	})
	plainText(w)
	b.debugLead(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "SERVICE\tLOAD BALANCER\tADDRESS\tLAST PASS\tAGO\tQUEUE\tERROR")
	for _, uid := range uids {
		n := rows[uid]
		var ids, addresses []string
		for _, r := range n.balancers {
			if r.actual != nil {
				ids, addresses = append(ids, r.actual.Instance.ID), append(addresses, r.actual.Instance.Address)
			}
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", n.service, dash(strings.Join(ids, ",")), dash(strings.Join(addresses, ",")),
			n.result, b.ago(n.ended), b.queueText(b.queue.State(uid)), oneLine(n.err))
	}
	_ = table.Flush()
}

// debugService shows everything about one Service.
func (b *Balancers) debugService(w http.ResponseWriter, name types.NamespacedName) {
	service, err := b.options.Services.Services(name.Namespace).Get(name.Name)
	var uid types.UID
	if err == nil {
		uid = service.UID
	} else {
		service = nil
		for u, n := range b.insights.list() {
			if n.service == name {
				uid = u
			}
		}
	}
	n := b.insights.of(uid)
	if n == nil && (service == nil || !wants(service)) {
		http.Error(w, fmt.Sprintf("Service %s is not known, or wants no load balancer of this controller", name), http.StatusNotFound)
		return
	}
	plainText(w)
	b.debugLead(w)
	_, _ = fmt.Fprintf(w, "Service %s, UID %s\nqueue: %s\n", name, uid, b.queueText(b.queue.State(uid)))
	if n == nil {
		_, _ = fmt.Fprintln(w, "last pass: none yet")
		n = &insight{service: name}
	} else {
		_, _ = fmt.Fprintf(w, "last pass: %s, %s, took %s, for %s\nlast error: %s\n",
			n.result, b.ago(n.ended), n.ended.Sub(n.began).Round(time.Millisecond), n.reasons, oneLine(n.err))
	}
	known := map[string]bool{}
	for _, r := range n.balancers {
		known[string(r.role)] = true
	}
	if service != nil && wants(service) {
		for _, role := range build.Roles(service) {
			if !known[string(role)] {
				n = &insight{balancers: append(slices.Clone(n.balancers), remembered{role: role})}
			}
		}
	}
	for _, r := range n.balancers {
		b.debugBalancer(w, service, uid, r)
	}
}

// debugBalancer shows one load balancer of a Service.
func (b *Balancers) debugBalancer(w io.Writer, service *corev1.Service, uid types.UID, r remembered) {
	_, _ = fmt.Fprintf(w, "\n== %s\ntrust: %s\n", r.role, b.trust(r))
	if !r.changed.IsZero() {
		_, _ = fmt.Fprintf(w, "last change: %s\n%s", b.ago(r.changed), indent(r.change))
	}
	v := view{role: r.role, actual: r.actual}
	if service != nil && wants(service) {
		// A state of the page's own: the pass's is not touched.
		st := newOwner(uid).state(r.role)
		st.actual, st.adopted, st.pods = r.actual, r.adopted, r.pods
		v.wanted, v.refused = b.build(st, service)
		v.plan = plan.Make(v.wanted, v.actual)
		v.plan.Steps = slices.DeleteFunc(v.plan.Steps, func(s plan.Step) bool {
			return b.options.Clock.Since(r.billing[s.String()]) < billingDelay
		})
	}
	if err := v.write(w); err != nil {
		_, _ = fmt.Fprintln(w, err)
	}
}

// trust tells how far what is known of a load balancer is relied upon.
func (b *Balancers) trust(r remembered) string {
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	limit := b.options.Settings.AuditPeriod + b.slack
	switch {
	case r.actual == nil:
		note("no load balancer is known")
	case r.verified.IsZero():
		note("none: an answer contradicted what was known, or was lost; it is read before the next change")
	case b.options.Clock.Since(r.verified) > limit:
		note("none: last verified %s, more than %s", b.ago(r.verified), limit)
	default:
		note("verified %s", b.ago(r.verified))
	}
	if r.ambiguous {
		note("a listing showed another load balancer of this Service")
	}
	if !r.written.IsZero() {
		note("written %s", b.ago(r.written))
	}
	if !r.born.IsZero() {
		note("created %s", b.ago(r.born))
	}
	if !r.doubt.IsZero() {
		note("a creation asked for %s has no answer yet", b.ago(r.doubt))
	}
	if !r.unproven.IsZero() {
		note("missing without a proof since %s", b.ago(r.unproven))
	}
	if r.generation > 0 {
		note("client token number %d", r.generation)
	}
	for id := range r.gone {
		note("%s is proven gone", id)
	}
	return strings.Join(notes, "; ")
}

// queueText tells where a Service is in the queue.
func (b *Balancers) queueText(s queue.State) string {
	var parts []string
	if !s.Running.IsZero() {
		parts = append(parts, fmt.Sprintf("in a pass since %s for %v", b.options.Clock.Since(s.Running).Round(time.Second), s.RunningFor))
	}
	if len(s.Reasons) > 0 {
		when := "as soon as a worker is free"
		if wait := s.Due.Sub(b.options.Clock.Now()); wait > 0 {
			when = "in " + wait.Round(time.Second).String()
		}
		parts = append(parts, fmt.Sprintf("next pass %s for %v", when, s.Reasons))
	}
	if s.Waiting > 0 {
		parts = append(parts, fmt.Sprintf("%d callers wait", s.Waiting))
	}
	if s.Failures > 0 {
		parts = append(parts, fmt.Sprintf("%d failures in a row", s.Failures))
	}
	return cmp.Or(strings.Join(parts, ", "), "idle")
}

// debugLead says so when the controller does not work, or not yet.
func (b *Balancers) debugLead(w io.Writer) {
	select {
	case <-b.warm:
	default:
		_, _ = fmt.Fprint(w, "This replica does not lead, or its survey has not ended: it knows no load balancer. The Lease kube-system/cloud-controller-manager names the leader.\n\n")
	}
}

func (b *Balancers) ago(moment time.Time) string {
	if moment.IsZero() {
		return "never"
	}
	return b.options.Clock.Since(moment).Round(time.Second).String() + " ago"
}

func plainText(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
}

func oneLine(err error) string {
	if err == nil {
		return "none"
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

func dash(text string) string { return cmp.Or(text, "-") }
