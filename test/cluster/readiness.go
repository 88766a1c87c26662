package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	readyPeriod  = 50 * time.Millisecond
	probeTimeout = 5 * time.Second
	// logLines is how much of a program's log an error shows.
	logLines = 15
)

var (
	errEnded     = errors.New("it ended")
	errPortTaken = errors.New("its port was taken")
)

// probeClient is an HTTPS client that trusts the authorities of this control
// plane only, and of its servers the named program only: whoever else listens
// on the port is never taken for it.
func (c *Cluster) probeClient(program string) (*http.Client, error) {
	roots := x509.NewCertPool()
	for _, name := range []string{clusterCA, etcdCA} {
		signer, err := loadAuthority(c.path("pki"), name)
		if err != nil {
			return nil, err
		}
		roots.AddCert(signer.certificate)
	}
	certificates := make([]tls.Certificate, 0, 2)
	for _, name := range []string{adminClientCert, etcdClientCert} {
		certificate, err := tls.LoadX509KeyPair(c.cert(name), c.key(name))
		if err != nil {
			return nil, fmt.Errorf("reading the certificate %s: %w", name, err)
		}
		certificates = append(certificates, certificate)
	}
	return &http.Client{
		Timeout: probeTimeout,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext:       c.dial,
			TLSClientConfig: &tls.Config{
				MinVersion:   tls.VersionTLS12,
				RootCAs:      roots,
				ServerName:   program,
				Certificates: certificates,
			},
		},
	}, nil
}

// waitReady waits until a component answers its readiness check. It fails when
// the program ends before, or takes longer than Options.StartTimeout; the error
// names the component and shows the end of its log.
func (c *Cluster) waitReady(ctx context.Context, comp component, p *child) error {
	client, err := c.probeClient(comp.Name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.StartTimeout)
	defer cancel()
	tick := time.NewTicker(readyPeriod)
	defer tick.Stop()
	url := "https://" + comp.Address + comp.ReadyPath
	var answer error
	for {
		err := probe(ctx, client, url)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			answer = err
		}
		select {
		case <-p.Done():
			return endedError(comp, p)
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready after %s (last answer: %w); its log %s ends with:\n%s",
				comp.Name, c.options.StartTimeout, answer, comp.Log, lastLines(comp.Log, logLines))
		case <-tick.C:
		}
	}
}

func endedError(comp component, p *child) error {
	tail := lastLines(comp.Log, logLines)
	cause := errEnded
	if strings.Contains(tail, "address already in use") {
		cause = errPortTaken
	}
	return fmt.Errorf("%s did not start: %w (%s); its log %s ends with:\n%s", comp.Name, cause, p.Ended(), comp.Log, tail)
}

// errNotReady is an answer other than 200.
var errNotReady = errors.New("not ready")

func probe(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("asking for readiness: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("asking for readiness: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: %s: %s", errNotReady, response.Status, body)
	}
	return nil
}

// waitServiceAccount waits for the service account without which no Pod can be
// created in the namespace default: kube-controller-manager makes it a moment
// after it is ready. (It may also end after it was ready: it answers before it
// has built its controllers.)
func (c *Cluster) waitServiceAccount(ctx context.Context) error {
	const controller = "serviceaccount-controller"
	wanted := c.options.Controllers
	if len(wanted) > 0 && !slices.Contains(wanted, controller) &&
		(!slices.Contains(wanted, "*") || slices.Contains(wanted, "-"+controller)) {
		return nil
	}
	comp, p, err := c.find(controllerManagerName)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.StartTimeout)
	defer cancel()
	tick := time.NewTicker(readyPeriod)
	defer tick.Stop()
	for {
		_, err := c.client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		if err == nil {
			return nil
		}
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("waiting for the service account default: %w", err)
		}
		select {
		case <-p.Done():
			return endedError(comp, p)
		case <-ctx.Done():
			return fmt.Errorf("%s made no service account default: %w", controllerManagerName, ctx.Err())
		case <-tick.C:
		}
	}
}
