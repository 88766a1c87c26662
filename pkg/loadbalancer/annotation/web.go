package annotation

import (
	"errors"
	"fmt"
	"regexp"

	"k8s.io/apimachinery/pkg/util/validation"
)

// webEntries are the annotations of HTTP and HTTPS listeners.
func webEntries() []Entry {
	return append([]Entry{
		{
			Key: CertID, Type: Text, Listeners: https, Scope: Shared, Check: certificateID,
			DefaultDoc: Doc{English: "none: HTTPS listeners need it", Chinese: "无：HTTPS 监听必须设置"},
			Doc: Doc{
				English: "Server certificate of HTTPS listeners. Naming another one changes it without an interruption.",
				Chinese: "HTTPS 监听的服务器证书；更换证书不会中断服务。",
			},
		},
		{
			Key: DomainExtensions, Type: PairList, Form: "a.example.com:<certificate>,*.example.org:<certificate>", Listeners: https, Whole: true, Scope: Shared, Check: domainCertificates,
			DefaultDoc: Doc{English: "none", Chinese: "无"},
			Doc: Doc{
				English: "Further certificates of HTTPS listeners, by the domain that the client asks for (SNI).",
				Chinese: "HTTPS 监听的扩展域名证书，按客户端请求的域名（SNI）选择。",
			},
		},
		{
			Key: TLSCipherPolicy, Type: Choice, Choices: []string{
				"tls_cipher_policy_1_0", "tls_cipher_policy_1_1", "tls_cipher_policy_1_2", "tls_cipher_policy_1_2_strict", "tls_cipher_policy_1_2_strict_with_1_3",
			}, Default: "tls_cipher_policy_1_0", Listeners: https, Scope: Tenant,
			Doc: Doc{
				English: "Versions and ciphers of TLS that HTTPS listeners accept.",
				Chinese: "HTTPS 监听接受的 TLS 版本和加密套件。",
			},
		},
		{
			Key: HTTP2Enabled, Type: Choice, Choices: []string{on, off}, Default: on, Listeners: https, Scope: Tenant,
			Doc: Doc{
				English: "HTTP/2 between clients and HTTPS listeners.",
				Chinese: "客户端与 HTTPS 监听之间是否使用 HTTP/2。",
			},
		},
		{
			Key: ForwardPort, Type: PairList, Form: "80:443", Listeners: web, Whole: true, Scope: Tenant, Check: forwardPorts,
			DefaultDoc: Doc{English: "none", Chinese: "无"},
			Doc: Doc{
				English: "Redirect an HTTP port of the Service to one of its HTTPS ports. A change makes the HTTP listener anew: it is away for a moment.",
				Chinese: "将 Service 的 HTTP 端口重定向到其 HTTPS 端口。修改时会重建该 HTTP 监听，期间有短暂中断。",
			},
		},
		{
			Key: StickySession, Type: Choice, Choices: []string{on, off}, Listeners: web, Scope: Tenant,
			DefaultDoc: Doc{English: "`off`; `on` with sessionAffinity ClientIP", Chinese: "`off`；sessionAffinity 为 ClientIP 时为 `on`"},
			Doc: Doc{
				English: "Keep a client with one backend by a cookie.",
				Chinese: "通过 Cookie 实现会话保持。",
			},
		},
		{
			Key: StickySessionType, Type: Choice, Choices: []string{"insert", "server"}, Default: "insert", Listeners: web, Scope: Tenant,
			Doc: Doc{
				English: "Who makes the cookie: the load balancer (insert, for cookie-timeout seconds), or the backend (server, named by cookie).",
				Chinese: "由谁设置 Cookie：负载均衡植入（insert，有效期为 cookie-timeout 秒）或由后端设置（server，名称为 cookie）。",
			},
		},
	}, requestEntries()...)
}

// requestEntries are the annotations about single requests.
func requestEntries() []Entry {
	return []Entry{
		{
			Key: CookieTimeout, Type: Integer, Min: 1, Max: 86400, Listeners: web, Scope: Tenant,
			DefaultDoc: Doc{English: "3600; the Service's own time-out with sessionAffinity ClientIP", Chinese: "3600；sessionAffinity 为 ClientIP 时为 Service 自身的超时"},
			Doc: Doc{
				English: "Seconds that a cookie of type insert lasts.",
				Chinese: "insert 类型 Cookie 的有效时间，单位秒。",
			},
		},
		{
			Key: Cookie, Type: Text, Listeners: web, Scope: Tenant, Check: cookieName,
			DefaultDoc: Doc{English: "none: type server needs it", Chinese: "无：server 类型必须设置"},
			Doc: Doc{
				English: "Name of the cookie that the backends set, for type server.",
				Chinese: "server 类型时后端设置的 Cookie 名称。",
			},
		},
		{
			Key: IdleTimeout, Type: Integer, Min: 1, Max: 60, Default: "15", Listeners: web, Scope: Tenant,
			Doc: Doc{
				English: "Seconds after which an idle client connection is closed.",
				Chinese: "客户端空闲连接的超时时间，单位秒。",
			},
		},
		{
			Key: RequestTimeout, Type: Integer, Min: 1, Max: 180, Default: "60", Listeners: web, Scope: Tenant,
			Doc: Doc{
				English: "Seconds that a backend has to answer a request.",
				Chinese: "后端应答请求的超时时间，单位秒。",
			},
		},
		{
			Key: ForwardedForProto, Type: Choice, Choices: []string{on, off}, Default: off, Listeners: web, Scope: Tenant,
			Doc: Doc{
				English: "Tell the backends the listener's protocol in X-Forwarded-Proto.",
				Chinese: "通过 X-Forwarded-Proto 头向后端传递监听协议。",
			},
		},
		{
			Key: ForwardedForSLBPort, Type: Choice, Choices: []string{on, off}, Default: off, Listeners: web, Scope: Tenant,
			Doc: Doc{
				English: "Tell the backends the listener's port in X-Forwarded-Port.",
				Chinese: "通过 X-Forwarded-Port 头向后端传递监听端口。",
			},
		},
		{
			Key: ForwardedForSrcPort, Type: Choice, Choices: []string{on, off}, Default: off, Listeners: web, Scope: Tenant,
			Doc: Doc{
				English: "Tell the backends the client's port in X-Forwarded-Client-srcport.",
				Chinese: "通过 X-Forwarded-Client-srcport 头向后端传递客户端端口。",
			},
		},
	}
}

var (
	certificatePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$`)
	cookiePattern      = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}$`)
)

func certificateID(value string) error {
	if !certificatePattern.MatchString(value) {
		return errors.New("must be the id of a server certificate: letters, digits, '_' and '-'")
	}
	return nil
}

func cookieName(value string) error {
	if !cookiePattern.MatchString(value) {
		return errors.New("must be 1 to 200 letters, digits, '.', '_' and '-'")
	}
	return nil
}

func forwardPorts(value string) error {
	seen := map[string]bool{}
	for _, p := range pairs(value) {
		if !isPort(p[0]) || !isPort(p[1]) || p[0] == p[1] {
			return errors.New("must be a list of two different ports each, such as 80:443")
		}
		if seen[p[0]] {
			return fmt.Errorf("must redirect port %s once", p[0])
		}
		seen[p[0]] = true
	}
	return nil
}

func domainCertificates(value string) error {
	seen := map[string]bool{}
	for _, p := range pairs(value) {
		if len(validation.IsDNS1123Subdomain(p[0])) > 0 && len(validation.IsWildcardDNS1123Subdomain(p[0])) > 0 {
			return fmt.Errorf("must name domains such as www.example.com or *.example.com, not %q", p[0])
		}
		if err := certificateID(p[1]); err != nil {
			return fmt.Errorf("domain %s: the certificate %w", p[0], err)
		}
		if seen[p[0]] {
			return fmt.Errorf("must name domain %s once", p[0])
		}
		seen[p[0]] = true
	}
	return nil
}
