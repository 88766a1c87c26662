package manager

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/term"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/manager/manifest"
)

const planLong = `plan prints what the controller would do for the Services of a file: the load
balancer that is wanted, the one that there is, and the calls that would make the
second the first.

Nothing is written, neither to the cloud nor to Kubernetes. The file is read as
"kubectl replace" would read it: the Kubernetes API completes and checks it in a
server-side dry run, which takes the right to update (or create) Services. Settings
are those of the controller: run it with the controller's flags and environment.`

// planTimeout bounds a plan: what it waits for without end, credentials for
// example, a person at a terminal does not.
const planTimeout = 2 * time.Minute

// planCommand returns the subcommand "plan".
func planCommand() (*cobra.Command, error) {
	o, err := NewOptions()
	if err != nil {
		return nil, err
	}
	var files []string
	namespace := metav1.NamespaceDefault
	cmd := &cobra.Command{
		Use:           "plan -f FILE",
		Short:         "Print what would be done for the Services of a file, and do nothing.",
		Long:          planLong,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			endLog, err := startLog(o.logs, cmd.OutOrStdout(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			defer endLog()
			services, err := readFiles(files, namespace, cmd.InOrStdin())
			if err != nil {
				return err
			}
			o.framework.SecureServing.BindPort = 0
			return planServices(klog.NewContext(cmd.Context(), klog.Background().WithName(Name)), o, services, cmd.OutOrStdout())
		},
	}
	sets := o.Flags()
	own := sets.FlagSet("plan")
	own.StringArrayVarP(&files, "filename", "f", nil, "File with Services, YAML or JSON, several documents if need be; - is the standard input.")
	own.StringVarP(&namespace, "namespace", "n", namespace, "Namespace of Services that name none.")
	for _, set := range sets.FlagSets {
		cmd.Flags().AddFlagSet(set)
	}
	columns, _, _ := term.TerminalSize(cmd.OutOrStdout())
	cliflag.SetUsageAndHelpFunc(cmd, sets, columns)
	return cmd, nil
}

// readFiles returns the Services of the files in order.
func readFiles(files []string, namespace string, stdin io.Reader) ([]*corev1.Service, error) {
	if len(files) == 0 {
		return nil, errors.New("no file is named: give one with -f, or - for the standard input")
	}
	var all []*corev1.Service
	for _, file := range files {
		content, err := readFile(file, stdin)
		if err != nil {
			return nil, err
		}
		services, err := manifest.Services(content, namespace)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, services...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there is no Service in %v", files)
	}
	return all, nil
}

func readFile(file string, stdin io.Reader) ([]byte, error) {
	if file == "-" {
		content, err := io.ReadAll(stdin)
		if err != nil {
			return nil, fmt.Errorf("read the standard input: %w", err)
		}
		return content, nil
	}
	return os.ReadFile(file) // #nosec G304 -- the user names the file
}

// planServices prints the plans of Services and returns.
func planServices(ctx context.Context, o *Options, services []*corev1.Service, out io.Writer) error {
	cfg, framework, err := o.load()
	if err != nil {
		return err
	}
	r := newReplica(cfg, framework, out)
	limited, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	p, err := r.assemble(limited, func() error { return errDryRun })
	if cancelled(limited, err) {
		return fmt.Errorf("nothing was planned within %s: %s", planTimeout, r.ready.unmet())
	}
	if err != nil {
		return err
	}
	defer p.stop()
	var problems []error
	for _, service := range services {
		if err := p.planService(limited, service, out); err != nil {
			problems = append(problems, fmt.Errorf("plan Service %s/%s: %w", service.Namespace, service.Name, err))
		}
	}
	return errors.Join(problems...)
}

// planService prints the plan of one Service of a file.
func (p *parts) planService(ctx context.Context, file *corev1.Service, out io.Writer) error {
	service, living, err := completed(ctx, p.replica.framework.Client, file)
	if err != nil {
		return err
	}
	preview, err := p.balancers.Preview(ctx, service, living)
	if err != nil {
		return err
	}
	title := ""
	if !living {
		title = " (does not exist yet: its UID, and what is named after it, will be others)"
	}
	if _, err := fmt.Fprintf(out, "Service %s/%s%s\n\n%s", service.Namespace, service.Name, title, preview.Text); err != nil {
		return err
	}
	return preview.Refused
}

// completed returns a Service as the Kubernetes API would have it after the file's
// took its place, and whether there is one already. Nothing is written.
func completed(ctx context.Context, client kubernetes.Interface, file *corev1.Service) (service *corev1.Service, living bool, err error) {
	services := client.CoreV1().Services(file.Namespace)
	dry := []string{metav1.DryRunAll}
	now, err := services.Get(ctx, file.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		service, err = services.Create(ctx, file, metav1.CreateOptions{DryRun: dry})
	case err == nil:
		living = true
		next := file.DeepCopy()
		next.UID, next.ResourceVersion, next.Finalizers = now.UID, now.ResourceVersion, now.Finalizers
		service, err = services.Update(ctx, next, metav1.UpdateOptions{DryRun: dry})
	}
	if apierrors.IsForbidden(err) {
		return nil, false, fmt.Errorf("%w; name a --kubeconfig that may create and update Services: nothing is written, but the API asks for the right", err)
	}
	if err != nil {
		return nil, false, fmt.Errorf("complete the Service in a server-side dry run: %w", err)
	}
	return service, living, nil
}
