package bootstrap

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/clusterfile"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/token"
)

const tokenLong = `create makes what the servers of a group join with, and writes it to the operator's
folder as the Secret that the API server knows it by. Then

  aliyun-bootstrap render
  kubectl apply -f out/pki/token-GROUP.yaml

and give the group the new user-data. Servers that have joined need it no more.`

var (
	errNoGroup = errors.New("the cluster file has no such group")
	errLife    = errors.New("a token must live for at least a minute, and not for more than a year")
)

// NewToken makes a token for a group and writes it to the operator's folder. before is
// the ID of the one that was there, if it still lives.
func NewToken(c *clusterfile.Cluster, dir, group string, now time.Time, life time.Duration) (t token.Token, before string, err error) {
	if !slices.ContainsFunc(c.Groups, func(g clusterfile.Group) bool { return g.Name == group }) {
		names := make([]string, 0, len(c.Groups))
		for _, g := range c.Groups {
			names = append(names, g.Name)
		}
		return token.Token{}, "", fmt.Errorf("%s: %w; it has %q", group, errNoGroup, strings.Join(names, ", "))
	}
	if life < time.Minute || life > 366*24*time.Hour {
		return token.Token{}, "", fmt.Errorf("%s: %w", life, errLife)
	}
	there, err := ReadKeys(dir)
	if err != nil {
		return token.Token{}, "", err
	}
	if old, err := token.Parse(there[token.File(group)]); err == nil && now.Before(old.Expires) {
		before = old.ID
	}
	if t, err = token.New(group, now.Add(life)); err != nil {
		return token.Token{}, "", err
	}
	manifest, err := t.Manifest()
	if err != nil {
		return token.Token{}, "", fmt.Errorf("token of %s: %w", group, err)
	}
	path := filepath.Join(keyFolder, token.File(group))
	if err := write(filepath.Join(dir, path), manifest, mode(path)); err != nil {
		return token.Token{}, "", fmt.Errorf("writing %s: %w", path, err)
	}
	return t, before, nil
}

func (f *flags) token() *cobra.Command {
	tokens := &cobra.Command{Use: "token", Short: "Tokens that servers of groups join with"}
	var life time.Duration
	create := &cobra.Command{
		Use: "create GROUP", Short: "Make a token for a group; the one before stays good until its own end", Long: tokenLong, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cluster, err := clusterfile.Load(f.cluster)
			if err != nil {
				return err
			}
			t, before, err := NewToken(cluster, f.dir, args[0], time.Now(), life)
			if err != nil {
				return err
			}
			// The token itself is not printed: it would be in somebody's history.
			_, _ = fmt.Fprintf(cmd.OutOrStdout(), "made token %s, good until %s\nnext: aliyun-bootstrap render && kubectl apply -f %s\n",
				t.ID, t.Expires.Format(time.RFC3339), filepath.Join(f.dir, keyFolder, token.File(args[0])))
			if before != "" {
				_, _ = fmt.Fprintf(cmd.OutOrStdout(), "token %s is good too until its own end, or: kubectl -n kube-system delete secret bootstrap-token-%s\n", before, before)
			}
			return nil
		},
	}
	create.Flags().DurationVar(&life, "life", 24*time.Hour, "How long servers may join with it.")
	tokens.AddCommand(create)
	return tokens
}
