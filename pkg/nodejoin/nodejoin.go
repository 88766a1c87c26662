// Package nodejoin gives certificates to servers that join the cluster with a
// bootstrap token, as those of a scaling group do: each gets its own, for the address
// that the VPC knows it by, and no token is worth more than one new Node.
//
// It decides on the requests of Kubernetes' two signers for kubelets
// (kubernetes.io/kube-apiserver-client-kubelet and kubernetes.io/kubelet-serving) and
// signs with an authority of its own, out of a Secret. kube-controller-manager must
// not be told to sign for the same.
package nodejoin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	certificatesinformers "k8s.io/client-go/informers/certificates/v1"
	"k8s.io/client-go/kubernetes"
	certificateslisters "k8s.io/client-go/listers/certificates/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
)

const (
	// callTimeout bounds a call.
	callTimeout = 30 * time.Second
	// again is when a request that was withheld is looked at once more.
	again = 10 * time.Second
	// workers join that many servers at a time.
	workers = 10
)

// Cloud knows the servers of the VPC.
type Cloud interface {
	// Servers returns the complete list or an error.
	Servers(ctx context.Context, filter ecs.Filter) ([]ecs.Server, error)
}

// Recorder records an event.
type Recorder interface {
	Event(object runtime.Object, reason *event.Reason, format string, args ...any)
}

// Options of a Controller.
type Options struct {
	Client kubernetes.Interface
	Nodes  corelisters.NodeLister
	Cloud  Cloud
	Events Recorder
	VPCID  string
	// Namespace and Secret name the Secret, of type kubernetes.io/tls, with the
	// authority that signs.
	Namespace, Secret string
	Clock             clock.PassiveClock
}

// Controller approves and signs.
type Controller struct {
	options  Options
	requests certificateslisters.CertificateSigningRequestLister
	queue    workqueue.TypedRateLimitingInterface[string]
}

// New returns a Controller; Run begins its work.
func New(options Options) *Controller {
	return &Controller{options: options, queue: workqueue.NewTypedRateLimitingQueue(
		workqueue.NewTypedItemExponentialFailureRateLimiter[string](500*time.Millisecond, 30*time.Second))}
}

// Run works until ctx ends. The informer is started by Run.
func (c *Controller) Run(ctx context.Context) error {
	informer := certificatesinformers.NewCertificateSigningRequestInformer(c.options.Client, 0, cache.Indexers{})
	c.requests = certificateslisters.NewCertificateSigningRequestLister(informer.GetIndexer())
	add := func(object any) {
		if csr, is := object.(*certificatesv1.CertificateSigningRequest); is && waiting(csr) {
			c.queue.Add(csr.Name)
		}
	}
	if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: add, UpdateFunc: func(_, object any) { add(object) }}); err != nil {
		return fmt.Errorf("watch CertificateSigningRequests: %w", err)
	}
	var running sync.WaitGroup
	running.Go(func() { informer.RunWithContext(ctx) })
	for range workers {
		running.Go(func() {
			for c.next(ctx) {
			}
		})
	}
	<-ctx.Done()
	c.queue.ShutDown()
	running.Wait()
	return nil
}

// waiting tells a request for a kubelet that has no certificate and no refusal.
func waiting(csr *certificatesv1.CertificateSigningRequest) bool {
	ours := csr.Spec.SignerName == certificatesv1.KubeAPIServerClientKubeletSignerName || csr.Spec.SignerName == certificatesv1.KubeletServingSignerName
	return ours && len(csr.Status.Certificate) == 0 &&
		!has(csr, certificatesv1.CertificateDenied) && !has(csr, certificatesv1.CertificateFailed)
}

func has(csr *certificatesv1.CertificateSigningRequest, kind certificatesv1.RequestConditionType) bool {
	return slices.ContainsFunc(csr.Status.Conditions, func(c certificatesv1.CertificateSigningRequestCondition) bool { return c.Type == kind })
}

func (c *Controller) next(ctx context.Context) bool {
	name, end := c.queue.Get()
	if end {
		return false
	}
	defer c.queue.Done(name)
	csr, err := c.requests.Get(name)
	if apierrors.IsNotFound(err) {
		c.queue.Forget(name)
		return true
	}
	if err == nil {
		err = c.sync(ctx, csr.DeepCopy())
	}
	var withheld *withheldError
	switch {
	case err == nil:
		c.queue.Forget(name)
	case ctx.Err() != nil:
	case errors.As(err, &withheld):
		// The server may be listed, the Secret made, the Node deleted. A request that
		// stays is removed by kube-controller-manager after a day.
		c.options.Events.Event(csr, event.NodeCertificateWithheld, "The request of %s for a certificate is withheld: %s", csr.Spec.Username, withheld.reason)
		c.queue.Forget(name)
		c.queue.AddAfter(name, again)
	default:
		klog.FromContext(ctx).Error(err, "A kubelet's request for a certificate is tried again", "request", name, "user", csr.Spec.Username)
		c.queue.AddRateLimited(name)
	}
	return true
}

// sync approves a request, and signs one that is approved.
func (c *Controller) sync(ctx context.Context, csr *certificatesv1.CertificateSigningRequest) error {
	if !waiting(csr) {
		return nil
	}
	r, err := parse(csr)
	if err != nil {
		return c.malformed(ctx, csr, err)
	}
	if !has(csr, certificatesv1.CertificateApproved) {
		return c.approve(ctx, csr, r)
	}
	authority, key, err := c.authority(ctx)
	if err != nil {
		return err
	}
	if csr.Status.Certificate, err = sign(r, &csr.Spec, authority, key, c.options.Clock.Now()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if _, err := c.options.Client.CertificatesV1().CertificateSigningRequests().UpdateStatus(ctx, csr, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("write the certificate of Node %s: %w", r.node, err)
	}
	klog.FromContext(ctx).Info("Signed a kubelet's certificate", "request", csr.Name, "node", r.node, "signer", csr.Spec.SignerName)
	return nil
}

// approve says so where it is right. Its own change brings the request back, to be
// signed.
func (c *Controller) approve(ctx context.Context, csr *certificatesv1.CertificateSigningRequest, r *request) error {
	why, err := c.judge(ctx, csr, r)
	if errors.Is(err, errNotOurs) {
		return nil
	}
	if err != nil {
		return err
	}
	csr.Status.Conditions = append(csr.Status.Conditions, certificatesv1.CertificateSigningRequestCondition{
		Type: certificatesv1.CertificateApproved, Status: corev1.ConditionTrue, Reason: "NodeJoins", Message: "aliyun-controller: " + why,
	})
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if _, err := c.options.Client.CertificatesV1().CertificateSigningRequests().UpdateApproval(ctx, csr.Name, csr, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("approve the certificate of Node %s: %w", r.node, err)
	}
	return nil
}

// malformed leaves a request alone that nobody has approved, and fails one that
// somebody has: it is not signed all the same.
func (c *Controller) malformed(ctx context.Context, csr *certificatesv1.CertificateSigningRequest, why error) error {
	if !has(csr, certificatesv1.CertificateApproved) {
		return nil
	}
	csr.Status.Conditions = append(csr.Status.Conditions, certificatesv1.CertificateSigningRequestCondition{
		Type: certificatesv1.CertificateFailed, Status: corev1.ConditionTrue, Reason: "NotAKubelets", Message: "aliyun-controller: " + why.Error(),
	})
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if _, err := c.options.Client.CertificatesV1().CertificateSigningRequests().UpdateStatus(ctx, csr, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("refuse to sign %s: %w", csr.Name, err)
	}
	return nil
}
