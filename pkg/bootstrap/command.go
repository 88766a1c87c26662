package bootstrap

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/clusterfile"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/pki"
)

// flags are those of every command.
type flags struct{ cluster, dir string }

// NewCommand is the program aliyun-bootstrap.
func NewCommand() *cobra.Command {
	f := &flags{}
	root := &cobra.Command{
		Use:           "aliyun-bootstrap",
		Short:         "Make a highly available Kubernetes cluster of bare servers on Alibaba Cloud",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&f.cluster, "cluster", "cluster.yaml", "The cluster file.")
	root.PersistentFlags().StringVar(&f.dir, "dir", "out", "The operator's folder: certificates, keys, user-data, manifests.")
	root.AddCommand(
		f.command("plan", "Tell what render would do; nothing is written", func(_ *cobra.Command, b *build) error { return b.tell() }),
		f.command("render", "Make missing certificates, and write user-data and manifests", func(_ *cobra.Command, b *build) error {
			if err := b.tell(); err != nil {
				return err
			}
			return b.output.Write(f.dir)
		}),
		f.verify(), f.certs(), f.update(), f.network(), f.token())
	return root
}

// build is a cluster's output, on its way into the folder.
type build struct {
	flags  *flags
	output *Output
	to     io.Writer
}

func (f *flags) build(to io.Writer, o pki.Options) (*build, error) {
	cluster, err := clusterfile.Load(f.cluster)
	if err != nil {
		return nil, err
	}
	there, err := ReadKeys(f.dir)
	if err != nil {
		return nil, err
	}
	output, err := Build(cluster, there, o)
	if err != nil {
		return nil, err
	}
	return &build{flags: f, output: output, to: to}, nil
}

func (f *flags) command(name, short string, run func(*cobra.Command, *build) error) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := f.build(cmd.OutOrStdout(), pki.Options{Now: time.Now()})
			if err != nil {
				return err
			}
			return run(cmd, b)
		},
	}
}

// tell prints what differs from the folder, and the warnings.
func (b *build) tell() error {
	differences, err := b.output.Compare(b.flags.dir)
	if err != nil {
		return err
	}
	for _, d := range differences {
		_, _ = fmt.Fprintf(b.to, "%s: %s\n", d.Path, d.How)
	}
	if len(differences) == 0 {
		_, _ = fmt.Fprintf(b.to, "%s is as the cluster file has it\n", b.flags.dir)
	}
	for _, warning := range b.output.Warnings {
		_, _ = fmt.Fprintln(b.to, "warning:", warning)
	}
	return nil
}

func (f *flags) verify() *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Tell everything that is wrong with the folder", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cluster, err := clusterfile.Load(f.cluster)
			if err != nil {
				return err
			}
			if err := Verify(cluster, f.dir, pki.Options{Now: time.Now()}); err != nil {
				return err
			}
			_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%s is right\n", f.dir)
			return nil
		},
	}
}

func (f *flags) certs() *cobra.Command {
	certs := &cobra.Command{Use: "certs", Short: "Certificates of the cluster"}
	var days int
	renew := &cobra.Command{
		Use:   "renew",
		Short: "Issue again what ends soon or is not as the cluster file has it; authorities and keys stay",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := f.build(cmd.OutOrStdout(), pki.Options{Now: time.Now(), Renew: true, RenewBefore: time.Duration(days) * 24 * time.Hour})
			if err != nil {
				return err
			}
			for _, c := range b.output.Certificates {
				if c.Made != "" {
					_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, ends on %s\n", c.Name, c.Made, day(c.NotAfter))
				}
			}
			return b.output.Write(f.dir)
		},
	}
	renew.Flags().IntVar(&days, "days", 30, "Renew what ends within so many days.")
	certs.AddCommand(renew)
	return certs
}
