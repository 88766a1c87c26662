package balance

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

// grace is how long requests may take after their listener has got another proxy.
const grace = time.Minute

// headerTimeout bounds how long a client may take to send a request's header.
const headerTimeout = time.Minute

// web is a proxy of HTTP and HTTPS.
type web struct {
	proxy
	secure   bool
	listener net.Listener
	server   *http.Server
	cancel   context.CancelFunc
	settings atomic.Pointer[webSettings]
}

// webSettings are what a proxy can change between two requests.
type webSettings struct {
	*network.HTTPSettings
	certificates *certificates
	transport    *http.Transport
}

// publish serves clients until the proxy is closed. It closes the listener when it
// fails.
func publish(ctx context.Context, base proxy, listener net.Listener, wanted network.Listener) (*web, error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &web{proxy: base, listener: listener, secure: wanted.Protocol == network.HTTPS, cancel: cancel}
	if err := p.configure(wanted.HTTP); err != nil {
		cancel()
		return nil, errors.Join(err, listener.Close())
	}
	settings := p.settings.Load()
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(p.secure && settings.HTTP2)
	p.server = &http.Server{
		Handler: p, Protocols: &protocols, ReadHeaderTimeout: headerTimeout, IdleTimeout: settings.IdleTimeout,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return p.settings.Load().certificates.choose(hello), nil
		}},
	}
	p.running.Go(func() {
		if p.secure {
			_ = p.server.ServeTLS(listener, "", "")
		} else {
			_ = p.server.Serve(listener)
		}
	})
	return p, nil
}

// configure makes the settings those of the next request.
func (p *web) configure(wanted *network.HTTPSettings) error {
	if wanted == nil {
		wanted = &network.HTTPSettings{}
	}
	before := p.settings.Load()
	if before != nil && reflect.DeepEqual(before.HTTPSettings, wanted) {
		return nil
	}
	next := &webSettings{HTTPSettings: wanted}
	if p.secure {
		var err error
		if next.certificates, err = loadCertificates(wanted); err != nil {
			return err
		}
	}
	next.transport = &http.Transport{
		// Backends get a connection per request.
		DisableKeepAlives: true, DisableCompression: true, ResponseHeaderTimeout: wanted.RequestTimeout,
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return nil, err
			}
			ctx, cancel := context.WithTimeout(ctx, dialTimeout)
			defer cancel()
			return dial(ctx, p.namespace, "tcp", p.source, to)
		},
	}
	p.settings.Store(next)
	return nil
}

// ServeHTTP redirects a request, or has a backend answer it.
func (p *web) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	settings := p.settings.Load()
	if settings.RedirectTo != 0 {
		redirect(w, r, settings.RedirectTo)
		return
	}
	asked := namedBackend(settings.HTTPSettings, r)
	backend, found := p.pool.called(asked)
	if !found {
		client, err := netip.ParseAddrPort(r.RemoteAddr)
		if err == nil {
			backend, found = p.pool.pick(client.Addr().Unmap())
		}
	}
	if !found {
		http.Error(w, "no backend", http.StatusServiceUnavailable)
		return
	}
	id := cookieID(backend)
	forward := httputil.ReverseProxy{
		Transport: settings.transport, FlushInterval: -1, ErrorLog: p.server.ErrorLog,
		Rewrite: func(request *httputil.ProxyRequest) {
			p.rewrite(request, settings, backend)
			unmark(settings.HTTPSettings, request.Out.Header, asked)
		},
		ModifyResponse: func(response *http.Response) error {
			mark(settings.HTTPSettings, response.Header, asked, id)
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			p.log.V(2).Info("no answer", "backend", backend.Address, "result", err)
			w.WriteHeader(status(err))
		},
	}
	forward.ServeHTTP(w, r)
}

// rewrite makes the request to a backend of the client's, which stays as it is but
// for the headers that tell of the client.
func (p *web) rewrite(request *httputil.ProxyRequest, settings *webSettings, backend network.Backend) {
	request.SetURL(&url.URL{Scheme: "http", Host: socket(backend.Address, backend.Port).String()})
	request.Out.Host, request.Out.URL.RawQuery = request.In.Host, request.In.URL.RawQuery
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values, sent := request.In.Header[name]; sent {
			request.Out.Header[name] = values
		}
	}
	if client, err := netip.ParseAddrPort(request.In.RemoteAddr); err == nil && settings.ForwardedFor {
		chain := client.Addr().Unmap().String()
		if before := request.In.Header.Get("X-Forwarded-For"); before != "" {
			chain = before + ", " + chain
		}
		request.Out.Header.Set("X-Forwarded-For", chain)
	}
	if settings.ForwardedProto {
		request.Out.Header.Set("X-Forwarded-Proto", map[bool]string{true: "https", false: "http"}[p.secure])
	}
}

// redirect sends a client to the HTTPS listener.
func redirect(w http.ResponseWriter, r *http.Request, port int) {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if port != 443 {
		host = net.JoinHostPort(host, strconv.Itoa(port))
	}
	w.Header().Set("Location", "https://"+host+r.URL.RequestURI())
	w.WriteHeader(http.StatusFound)
}

// status is what a client gets for a request that a backend has not answered.
func status(err error) int {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, os.ErrDeadlineExceeded) {
		return http.StatusGatewayTimeout
	}
	return http.StatusBadGateway
}

// end leaves requests to a removed backend alone: SLB API: layer-7 listeners have
// no connection drain.
func (p *web) end(netip.AddrPort) {}

// retire frees the socket at once, and ends when the requests have ended.
func (p *web) retire(ctx context.Context) {
	_ = p.listener.Close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	p.running.Go(func() {
		defer p.close()
		defer cancel()
		_ = p.server.Shutdown(ctx)
	})
	p.running.Go(func() {
		select {
		case <-ctx.Done():
		case <-p.ended:
			cancel()
		}
	})
}

func (p *web) close() {
	p.cancel()
	_ = p.server.Close()
}
