package slb

import (
	"strconv"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// onlyForHTTPCheck are settings that TCP listeners show with an HTTP check only.
var onlyForHTTPCheck = map[string]bool{
	"HealthCheckDomain": true, "HealthCheckURI": true, "HealthCheckHttpCode": true, "HealthCheckMethod": true,
}

// shown walks over the settings of a listener that replies have.
func (l *listener) shown(each func(f *field, value string)) {
	for _, f := range fieldsOf[l.Protocol] {
		if onlyForHTTPCheck[f.name] && l.Protocol == "tcp" && l.value("HealthCheckType") != "http" {
			continue
		}
		value, ok := l.Values[f.name]
		if !ok {
			value = f.standard
		}
		if value != "" {
			each(f, value)
		}
	}
}

// typed is a value as replies write it.
func (f *field) typed(value string) any {
	switch f.kind {
	case whole:
		n, _ := strconv.Atoi(value)
		return n
	case truth:
		return value == "true"
	default:
		return value
	}
}

// stringBooleans are the settings that lists write as strings, although the
// attribute replies have booleans.
var stringBooleans = map[string]bool{"ProxyProtocolV2Enabled": true, "FullNatEnabled": true}

// common is what all forms of a listener begin with.
func (l *listener) common(lb *loadBalancer) api.Reply {
	r := api.Reply{
		"LoadBalancerId": lb.ID, "ListenerPort": l.Port, "Status": l.Status, "ServiceManagedMode": "Unmanaged",
	}
	if l.GroupID != "" {
		r["VServerGroupId"] = l.GroupID
	} else if l.BackendPort != 0 {
		r["BackendServerPort"] = l.BackendPort
	}
	return r
}

func (l *listener) aclIDs() []string {
	if ids := l.value("AclId"); ids != "" {
		return strings.Split(ids, ",")
	}
	return []string{}
}

// describeListener makes the handler of Describe…ListenerAttribute for a
// protocol: one flat object with typed booleans and nested lists.
func (p *Product) describeListener(protocol string) func(*api.Call) (api.Reply, *api.Error) {
	return func(c *api.Call) (api.Reply, *api.Error) {
		lb, err := p.find(c)
		if err != nil {
			return nil, err
		}
		l, err := named(c, lb, protocol)
		if err != nil {
			return nil, err
		}
		return l.attribute(lb), nil
	}
}

func (l *listener) attribute(lb *loadBalancer) api.Reply {
	r := l.common(lb)
	l.shown(func(f *field, value string) { r[f.name] = f.typed(value) })
	r["AclIds"] = api.Reply{"AclId": l.aclIDs()}
	r["Tags"] = tagsReply(l.Tags)
	switch l.Protocol {
	case "udp":
		r["HealthCheckSwitch"] = l.value("HealthCheck")
	case "http":
		r["Rules"] = api.Reply{"Rule": []any{}}
		r["SecurityStatus"] = "off"
	case "https":
		r["Rules"] = api.Reply{"Rule": []any{}}
		r["DomainExtensions"] = api.Reply{"DomainExtension": []any{}}
		r["ServerCertificates"] = api.Reply{"ServerCertificate": []any{}}
		r["SecurityStatus"] = "off"
	}
	return r
}

// listed is the form in DescribeLoadBalancerListeners: flat lists, the
// protocol's settings in an object of their own, some booleans as strings.
func (l *listener) listed(lb *loadBalancer) api.Reply {
	r := l.common(lb)
	r["ListenerProtocol"] = l.Protocol
	config := api.Reply{}
	l.shown(func(f *field, value string) {
		switch {
		case f.top:
			r[f.name] = f.typed(value)
		case stringBooleans[f.name]:
			config[f.name] = value
		default:
			config[f.name] = f.typed(value)
		}
	})
	if protocolNames[l.Protocol]&layer4 != 0 {
		config["HealthCheckSwitch"] = config["HealthCheck"]
		config["PortRanges"] = []any{}
	}
	r[strings.ToUpper(l.Protocol)+"ListenerConfig"] = config
	r["AclIds"] = l.aclIDs()
	r["Tags"] = tagsReply(l.Tags).Tag
	return r
}

// embedded is the form inside DescribeVServerGroups, where AclIds is nested.
func (l *listener) embedded(lb *loadBalancer) api.Reply {
	r := l.listed(lb)
	r["Port"], r["Protocol"] = l.Port, l.Protocol
	r["AclIds"] = api.Reply{"AclId": l.aclIDs()}
	return r
}
