package loadbalancer

import (
	"fmt"
	"io"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/show"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// view is one load balancer of a Service for people to look at.
type view struct {
	role   ownership.Role
	wanted build.Wanted
	// refused says why the Service cannot be meant; wanted holds the backends then.
	refused error
	actual  *plan.Actual
	plan    plan.Plan
}

// steps tells what would be done, and what not.
func (v view) steps() string {
	if v.refused != nil && v.actual == nil {
		return refusedLine(v.refused)
	}
	p := v.plan
	p.Notices = append(p.Notices, v.wanted.Notices...)
	text := p.String()
	if v.refused != nil {
		text = refusedLine(v.refused) + text
	}
	if p.NeedGroups {
		text += "the vServer groups have to be read before more can be said\n"
	}
	if text == "" {
		return "nothing to do\n"
	}
	return text
}

func refusedLine(err error) string { return "refused: " + err.Error() + "\n" }

// write prints the three parts.
func (v view) write(out io.Writer) error {
	wanted, err := show.Text(v.wanted)
	if err != nil {
		return err
	}
	actual := "none\n"
	if v.actual != nil {
		if actual, err = show.Text(v.actual); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(out, "wanted:\n%s\nactual:\n%s\nplan:\n%s\n", indent(wanted), indent(actual), indent(v.steps()))
	return err
}

// indent moves each line to the right.
func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("  " + line)
	}
	return b.String()
}
