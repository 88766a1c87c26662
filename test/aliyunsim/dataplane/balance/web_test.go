package balance

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

// web serves HTTP, with the request told in the answer's headers.
func (v *server) web() {
	v.t.Helper()
	mux := http.NewServeMux()
	name := fmt.Sprintf("server-%d", v.number)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", name)
		w.Header().Set("Seen", fmt.Sprint(r.Proto, " ", r.Method, " ", r.Host, r.URL))
		w.Header().Set("Seen-For", strings.Join(r.Header["X-Forwarded-For"], ";"))
		w.Header().Set("Seen-Proto", r.Header.Get("X-Forwarded-Proto"))
		w.Header().Set("Seen-Cookie", r.Header.Get("Cookie"))
		if r.URL.Path == "/login" {
			http.SetCookie(w, &http.Cookie{Name: "session", Value: "mine"})
		}
		_, _ = io.Copy(w, r.Body)
	})
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/wait", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", name)
		must(v.t, http.NewResponseController(w).Flush())
		select {
		case <-v.release:
		case <-r.Context().Done():
		}
		_, _ = w.Write([]byte("done"))
	})
	mux.HandleFunc("/upgrade", func(w http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"))
		_, _ = io.Copy(conn, buffered)
	})
	at, err := v.at.Listen(v.t.Context(), net.ListenConfig{}, "tcp4", fmt.Sprintf("10.0.0.%d:8080", v.number))
	must(v.t, err)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: patience}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(at)
	}()
	v.t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
}

// browser is an HTTP client in the client's namespace, for the load balancer
// whatever the name.
func (s *site) browser(source string, config *tls.Config) *http.Client {
	jar, err := cookiejar.New(nil)
	must(s.t, err)
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true, DialContext: func(ctx context.Context, _, to string) (net.Conn, error) {
		_, number, err := net.SplitHostPort(to)
		if err != nil {
			return nil, err
		}
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
		return s.client.Dial(ctx, dialer, "tcp", net.JoinHostPort(address, number))
	}}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Jar: jar, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer is what a client has got.
type answer struct {
	code     int
	protocol int
	header   http.Header
}

// get asks for a page.
func (s *site) get(client *http.Client, url string, header http.Header) answer {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, url, nil)
	must(s.t, err)
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := client.Do(request)
	must(s.t, err)
	_, err = io.Copy(io.Discard, response.Body)
	must(s.t, err)
	must(s.t, response.Body.Close())
	return answer{code: response.StatusCode, protocol: response.ProtoMajor, header: response.Header}
}

func webListener(protocol network.Protocol, settings network.HTTPSettings, backends ...network.Backend) network.Listener {
	l := listener(protocol, backends...)
	l.HTTP = &settings
	return l
}

// certificate makes one for a name.
func certificate(t *testing.T, name string) (chain, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	must(t, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

func TestHTTPRequestsAreSharedOutAndTellOfTheClient(t *testing.T) {
	s := newSite(t)
	one, two := s.server(11), s.server(12)
	one.web()
	two.web()
	s.apply(webListener(network.HTTP, network.HTTPSettings{ForwardedFor: true, ForwardedProto: true}, one.backend(100), two.backend(50)))
	client := s.browser(first, nil)
	counts := map[string]int{}
	for range 6 {
		response := s.get(client, "http://shop.example/a%2Fb?c=d;e", http.Header{"X-Forwarded-For": {"192.0.2.1"}})
		counts[response.header.Get("Server")]++
		for header, want := range map[string]string{
			"Seen": "HTTP/1.1 GET shop.example/a%2Fb?c=d;e", "Seen-For": "192.0.2.1, " + first, "Seen-Proto": "http",
		} {
			if got := response.header.Get(header); got != want {
				t.Errorf("%s: %q, want %q", header, got, want)
			}
		}
	}
	if counts["server-11"] != 4 || counts["server-12"] != 2 {
		t.Errorf("%v", counts)
	}
}

func TestWithoutForwardedForTheClientsOwnHeaderStays(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	one.web()
	s.apply(webListener(network.HTTP, network.HTTPSettings{}, one.backend(100)))
	response := s.get(s.browser(first, nil), "http://shop.example/", http.Header{"X-Forwarded-For": {"192.0.2.1"}})
	if got := response.header.Get("Seen-For") + response.header.Get("Seen-Proto"); got != "192.0.2.1" {
		t.Errorf("%q", got)
	}
}

func TestFailuresOfBackendsHaveTheirStatus(t *testing.T) {
	s := newSite(t)
	works, dead := s.server(11), s.server(12)
	works.web()
	for name, test := range map[string]struct {
		backends []network.Backend
		path     string
		want     int
	}{
		"none":      {nil, "/", http.StatusServiceUnavailable},
		"weight 0":  {[]network.Backend{works.backend(0)}, "/", http.StatusServiceUnavailable},
		"dead":      {[]network.Backend{dead.backend(100)}, "/", http.StatusBadGateway},
		"no answer": {[]network.Backend{works.backend(100)}, "/slow", http.StatusGatewayTimeout},
		"works":     {[]network.Backend{works.backend(100)}, "/", http.StatusOK},
	} {
		s.apply(webListener(network.HTTP, network.HTTPSettings{RequestTimeout: 200 * time.Millisecond}, test.backends...))
		if got := s.get(s.browser(first, nil), "http://shop.example"+test.path, nil).code; got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

func TestCookiesKeepAClientWithItsBackend(t *testing.T) {
	for _, kind := range []string{"insert", "server"} {
		t.Run(kind, func(t *testing.T) {
			s := newSite(t)
			one, two := s.server(11), s.server(12)
			one.web()
			two.web()
			settings := network.HTTPSettings{Cookie: kind, CookieName: "session", CookieTimeout: time.Minute}
			s.apply(webListener(network.HTTP, settings, one.backend(100), two.backend(100)))
			client := s.browser(first, nil)
			used := s.get(client, "http://shop.example/login", nil).header.Get("Server")
			for range 4 {
				response := s.get(client, "http://shop.example/", nil)
				if got := response.header.Get("Server"); got != used {
					t.Errorf("from %s to %s", used, got)
				}
				if kind == "server" && response.header.Get("Seen-Cookie") != "session=mine" {
					t.Errorf("the server gets %q", response.header.Get("Seen-Cookie"))
				}
			}
			// Another client, without the cookie, has the other backend's turn.
			others := map[string]bool{}
			for range 2 {
				others[s.get(s.browser(first, nil), "http://shop.example/", nil).header.Get("Server")] = true
			}
			if len(others) != 2 {
				t.Errorf("clients without a cookie: %v", others)
			}
			left := map[string]network.Backend{"server-11": two.backend(100), "server-12": one.backend(100)}[used]
			s.apply(webListener(network.HTTP, settings, left))
			if got := s.get(client, "http://shop.example/", nil); got.code != http.StatusOK || got.header.Get("Server") == used {
				t.Errorf("when the backend is removed: %d of %s", got.code, got.header.Get("Server"))
			}
		})
	}
}

func TestHTTPSAnswersWithTheCertificateOfTheName(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	one.web()
	settings := network.HTTPSettings{ForwardedProto: true, HTTP2: true}
	settings.Certificate, settings.Key = certificate(t, "shop.example")
	extension := network.Domain{Name: "*.other.example"}
	extension.Certificate, extension.Key = certificate(t, "*.other.example")
	settings.Domains = []network.Domain{extension}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(settings.Certificate)
	roots.AppendCertsFromPEM(extension.Certificate)
	apply := func() {
		l := webListener(network.HTTPS, settings, one.backend(100))
		l.Port = 443
		s.apply(l)
	}
	apply()
	ask := func(name string) answer {
		return s.get(s.browser(first, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}), "https://"+name+"/", nil)
	}
	for _, name := range []string{"shop.example", "www.other.example"} {
		response := ask(name)
		if response.protocol != 2 || response.header.Get("Seen-Proto") != "https" || response.header.Get("Seen") != "HTTP/1.1 GET "+name+"/" {
			t.Errorf("%s: HTTP/%d, %v", name, response.protocol, response.header)
		}
	}
	settings.HTTP2 = false
	settings.Certificate, settings.Key = certificate(t, "new.example")
	roots.AppendCertsFromPEM(settings.Certificate)
	apply()
	if response := ask("new.example"); response.protocol != 1 {
		t.Errorf("without HTTP/2: HTTP/%d", response.protocol)
	}
}

func TestBadCertificateIsAnErrorAndOtherListenersWork(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	one.web()
	bad := webListener(network.HTTPS, network.HTTPSettings{}, one.backend(100))
	bad.Port = 443
	lbs := []network.LoadBalancer{balancer(bad, webListener(network.HTTP, network.HTTPSettings{}, one.backend(100)))}
	if err := s.balancers.Apply(t.Context(), s.router, lbs); err == nil || !strings.Contains(err.Error(), "lb-1/tcp/443") {
		t.Errorf("%v", err)
	}
	if got := s.get(s.browser(first, nil), "http://shop.example/", nil).code; got != http.StatusOK {
		t.Errorf("the other listener: %d", got)
	}
}

func TestRedirectNamesTheHTTPSListener(t *testing.T) {
	s := newSite(t)
	for number, want := range map[int]string{443: "https://shop.example/a?b=c", 8443: "https://shop.example:8443/a?b=c"} {
		s.apply(webListener(network.HTTP, network.HTTPSettings{RedirectTo: number}))
		response := s.get(s.browser(first, nil), "http://shop.example/a?b=c", nil)
		if got := response.header.Get("Location"); response.code != http.StatusFound || got != want {
			t.Errorf("%d to %q, want %q", response.code, got, want)
		}
	}
}

func TestWebSocketsPass(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	one.web()
	s.apply(webListener(network.HTTP, network.HTTPSettings{}, one.backend(100)))
	conn, err := s.client.Dial(t.Context(), net.Dialer{}, "tcp", address+":80")
	must(t, err)
	defer func() { _ = conn.Close() }()
	must(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = conn.Write([]byte("GET /upgrade HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"))
	must(t, err)
	lines := bufio.NewReader(conn)
	response, err := http.ReadResponse(lines, nil)
	must(t, err)
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(response.Status)
	}
	_, err = conn.Write([]byte("ping\n"))
	must(t, err)
	if line, err := lines.ReadString('\n'); err != nil || line != "ping\n" {
		t.Errorf("%q, %v", line, err)
	}
	// A change of the listener leaves it.
	s.apply(webListener(network.HTTP, network.HTTPSettings{ForwardedFor: true}))
	_, err = conn.Write([]byte("pong\n"))
	must(t, err)
	if line, err := lines.ReadString('\n'); err != nil || line != "pong\n" {
		t.Errorf("after a change: %q, %v", line, err)
	}
}

func TestIdleConnectionsOfBrowsersEnd(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	one.web()
	s.apply(webListener(network.HTTP, network.HTTPSettings{IdleTimeout: 200 * time.Millisecond}, one.backend(100)))
	conn, err := s.client.Dial(t.Context(), net.Dialer{}, "tcp", address+":80")
	must(t, err)
	defer func() { _ = conn.Close() }()
	must(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"))
	must(t, err)
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
		t.Errorf("%q, %v", answer, err)
	}
}

func TestRequestOutlivesAChangeThatTakesAnotherSocket(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	one.web()
	s.apply(webListener(network.HTTP, network.HTTPSettings{IdleTimeout: time.Second}, one.backend(100)))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://shop.example/wait", nil)
	must(t, err)
	response, err := s.browser(first, nil).Do(request)
	must(t, err)
	defer func() { _ = response.Body.Close() }()
	s.apply(webListener(network.HTTP, network.HTTPSettings{IdleTimeout: 2 * time.Second}, one.backend(100)))
	if got := s.get(s.browser(first, nil), "http://shop.example/", nil).code; got != http.StatusOK {
		t.Errorf("another request: %d", got)
	}
	close(one.release)
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "done" {
		t.Errorf("%q, %v", body, err)
	}
}

func TestHTTPBackendsFollowTheirHealthAndAccessControl(t *testing.T) {
	s := newSite(t)
	one, two := s.server(11), s.server(12)
	one.web()
	l := checked(webListener(network.HTTP, network.HTTPSettings{}, one.backend(100), two.backend(100)),
		network.Check{Protocol: network.HTTP, Path: "/", Codes: "http_2xx"})
	l.Access = &network.Access{White: true, Entries: []netip.Prefix{netip.MustParsePrefix(first + "/32")}}
	s.apply(l)
	s.healthy(map[string]string{"i-11": "normal", "i-12": "abnormal"})
	for range 4 {
		if response := s.get(s.browser(first, nil), "http://shop.example/", nil); response.code != http.StatusOK {
			t.Error(response.code)
		}
	}
	if _, err := s.from(second, "tcp", 80); err == nil {
		t.Error("a client that is not on the white list gets through")
	}
}
