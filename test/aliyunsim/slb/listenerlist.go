package slb

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// listenerQuery is what DescribeLoadBalancerListeners asks for.
type listenerQuery struct {
	lbs      []*loadBalancer
	protocol string
	port     int
	text     string
	tags     []tag
	most     int
	after    string
}

func (p *Product) readListenerQuery(c *api.Call) (listenerQuery, *api.Error) {
	q := listenerQuery{
		protocol: strings.ToLower(c.Params["ListenerProtocol"]), text: c.Params["Description"],
	}
	ids := c.Params.List("LoadBalancerId")
	if len(ids) > 10 {
		return q, invalid("At most 10 LoadBalancerId can be given.")
	}
	if q.protocol != "" && protocolNames[q.protocol] == 0 {
		return q, api.Invalid("ListenerProtocol", q.protocol)
	}
	var err *api.Error
	if q.port, err = number(c.Params, "ListenerPort", 0, 65535); err != nil {
		return q, err
	}
	if q.most, err = number(c.Params, "MaxResults", 20, 100); err != nil {
		return q, err
	}
	if q.tags, err = tagFilter(c); err != nil {
		return q, err
	}
	if q.after, err = c.Position(badToken); err != nil {
		return q, err
	}
	for _, id := range ids {
		if lb := p.byID[id]; lb != nil && !slices.Contains(q.lbs, lb) {
			q.lbs = append(q.lbs, lb)
		}
	}
	slices.SortFunc(q.lbs, byAge)
	if len(ids) == 0 {
		q.lbs = p.order
	}
	return q, nil
}

func (q listenerQuery) wants(p *Product, c *api.Call, l *listener) bool {
	return (q.protocol == "" || l.Protocol == q.protocol) && (q.port == 0 || l.Port == q.port) &&
		(q.text == "" || strings.Contains(l.Values["Description"], q.text)) && p.hasTags(l.Tags, q.tags, c)
}

// position orders listeners over all load balancers, for NextToken.
func position(lb *loadBalancer, l *listener) string {
	return fmt.Sprintf("%019d %05d %s", lb.Seq, l.Port, l.Protocol)
}

// describeListeners lists the listeners of up to 10 load balancers, or of all.
// Ids that do not exist are left out.
func (p *Product) describeListeners(c *api.Call) (api.Reply, *api.Error) {
	q, err := p.readListenerQuery(c)
	if err != nil {
		return nil, err
	}
	items := []any{}
	total, last, more := 0, "", false
	for _, lb := range q.lbs {
		if lb.GetAt.After(c.Now) {
			continue
		}
		for _, l := range lb.Listeners {
			if !q.wants(p, c, l) {
				continue
			}
			total++
			if more {
				continue
			}
			if q.after != "" && position(lb, l) <= q.after {
				continue
			}
			if len(items) == q.most {
				more = true
				continue
			}
			items = append(items, l.listed(lb))
			if len(items) == q.most {
				last = position(lb, l)
			}
		}
	}
	next := ""
	if more {
		next = c.NextToken(last)
	}
	return api.Reply{"Listeners": items, "NextToken": next, "MaxResults": q.most, "TotalCount": total}, nil
}
