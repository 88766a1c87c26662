package slb

import (
	"encoding/json"
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
		r["DomainExtensions"] = l.extensions()
		r["ServerCertificates"] = api.Reply{"ServerCertificate": []any{}}
		r["SecurityStatus"] = "off"
	}
	return r
}

// listed is the form in DescribeLoadBalancerListeners: flat lists, the
// protocol's settings in an object of their own, some booleans as strings.
func (l *listener) listed(lb *loadBalancer) json.RawMessage {
	return l.item(lb).raw("AclIds", texts(l.aclIDs())).done()
}

// embedded is the form inside DescribeVServerGroups, where AclIds is nested.
func (l *listener) embedded(lb *loadBalancer) json.RawMessage {
	nested := object{}.raw("AclId", texts(l.aclIDs())).done()
	return l.item(lb).whole("Port", l.Port).text("Protocol", l.Protocol).raw("AclIds", nested).done()
}

// item is what both list forms have in common.
func (l *listener) item(lb *loadBalancer) object {
	o := make(object, 0, 2048)
	o = o.text("LoadBalancerId", lb.ID).whole("ListenerPort", l.Port).text("ListenerProtocol", l.Protocol).
		text("Status", l.Status).text("ServiceManagedMode", "Unmanaged")
	if l.GroupID != "" {
		o = o.text("VServerGroupId", l.GroupID)
	} else if l.BackendPort != 0 {
		o = o.whole("BackendServerPort", l.BackendPort)
	}
	config := make(object, 0, 1024)
	l.shown(func(f *field, value string) {
		if f.top {
			o = o.setting(f, value)
		} else {
			config = config.setting(f, value)
		}
	})
	if protocolNames[l.Protocol]&layer4 != 0 {
		config = config.text("HealthCheckSwitch", l.value("HealthCheck")).raw("PortRanges", []byte("[]"))
	}
	o = o.raw(strings.ToUpper(l.Protocol)+"ListenerConfig", config.done())
	tags := []byte{'['}
	for i, t := range l.Tags {
		if i > 0 {
			tags = append(tags, ',')
		}
		tags = append(tags, object{}.text("TagKey", t.Key).text("TagValue", t.Value).done()...)
	}
	return o.raw("Tags", append(tags, ']'))
}

// setting adds a listener's setting as lists write it.
func (o object) setting(f *field, value string) object {
	switch {
	case f.kind == whole:
		n, _ := strconv.Atoi(value)
		return o.whole(f.name, n)
	case f.kind == truth && !stringBooleans[f.name]:
		return o.truth(f.name, value == "true")
	default:
		return o.text(f.name, value)
	}
}
