package provisioner

import (
	"context"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// Pauses between tries for one claim or volume, and how many are worked on at a
// time. The library's own begin with 15 s and give up after 15 failures.
const (
	retryFirst = 2 * time.Second
	retryLast  = 5 * time.Minute
	workers    = 20
)

// Watch has the informers started that Run needs.
func Watch(f informers.SharedInformerFactory) {
	f.Core().V1().PersistentVolumes().Informer()
	f.Core().V1().PersistentVolumeClaims().Informer()
	f.Storage().V1().StorageClasses().Informer()
}

// Library is the library's controller, which asks a Provisioner that comes later.
// It is made before anything else of the process reads from Kubernetes, because
// making it writes to client-go's scheme, which all clients read without a lock.
type Library struct {
	controller *controller.ProvisionController
	late       *late
}

// late is the Provisioner to come.
type late struct{ *Provisioner }

// NewLibrary makes the library's controller. The factory runs the informers of
// Watch; what it records ends with ctx.
func NewLibrary(ctx context.Context, client kubernetes.Interface, f informers.SharedInformerFactory) *Library {
	l := &Library{late: &late{}}
	l.controller = controller.NewProvisionController(ctx, client, Name, l.late,
		controller.AdditionalProvisionerNames([]string{OldName}),
		controller.LeaderElection(false),
		// The volume's object outlives its disk in no case.
		controller.AddFinalizer(true),
		controller.FailedProvisionThreshold(0), controller.FailedDeleteThreshold(0),
		controller.RateLimiter(workqueue.NewTypedItemExponentialFailureRateLimiter[string](retryFirst, retryLast)),
		// A volume that cannot be saved is saved later: its disk exists.
		controller.CreateProvisionedPVLimiter(workqueue.NewTypedItemExponentialFailureRateLimiter[string](retryFirst, retryLast)),
		controller.Threadiness(workers),
		controller.MetricsPort(0),
		controller.ClaimsInformer(f.Core().V1().PersistentVolumeClaims().Informer()),
		controller.VolumesInformer(f.Core().V1().PersistentVolumes().Informer()),
		controller.ClassesInformer(f.Storage().V1().StorageClasses().Informer()),
	)
	return l
}

// Run provisions and deletes until ctx ends; the caller has been elected.
func (l *Library) Run(ctx context.Context, p *Provisioner) {
	l.late.Provisioner = p
	l.controller.Run(ctx)
}
