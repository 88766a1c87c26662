// Package bootstrap turns one cluster file into everything that bare servers need to
// become that cluster: certificates, a user-data file for each server, and what its
// operator does afterwards.
package bootstrap

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	assets "github.com/kube-aliyun/kube-aliyun/deploy/bootstrap"
	"github.com/kube-aliyun/kube-aliyun/deploy/controller"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/clusterfile"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/pki"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/placeholder"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/render"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/token"
)

// keyFolder is where certificates and keys are in the operator's folder.
const keyFolder = "pki"

// Output is what belongs into the operator's folder.
type Output struct {
	// Files are their contents, by path in the folder.
	Files map[string][]byte
	// Certificates are all of them, with what was done.
	Certificates []pki.Change
	// Warnings are for the operator.
	Warnings []string
}

// soon is when the end of a certificate is worth a warning.
const soon = 30 * 24 * time.Hour

// Build makes everything of a cluster; there is what the folder has. It writes
// nothing.
func Build(c *clusterfile.Cluster, there pki.Files, o pki.Options) (*Output, error) {
	var own fs.FS
	if c.CertificateRequests != "" {
		own = os.DirFS(c.CertificateRequests)
	}
	wanted, err := pki.List(c, assets.Files, own)
	if err != nil {
		return nil, err
	}
	keys, changes, err := pki.Issue(wanted, there, o)
	if err != nil {
		return nil, err
	}
	out := &Output{Files: map[string][]byte{}, Certificates: changes}
	for _, g := range c.Groups {
		out.addToken(g, keys, there, o.Now)
	}
	for name, content := range keys {
		out.Files[keyFolder+"/"+name] = content
	}
	for _, change := range changes {
		if change.NotAfter.Before(o.Now.Add(soon)) {
			out.Warnings = append(out.Warnings, fmt.Sprintf("certificate %s ends on %s: aliyun-bootstrap certs renew", change.Name, day(change.NotAfter)))
		}
	}
	r := render.Assets{Bootstrap: assets.Files, Controller: controller.Files}
	if err := out.addServers(c, r, keys); err != nil {
		return nil, err
	}
	operator, err := r.Operator(c, summaryValues(c, out))
	if err != nil {
		return nil, err
	}
	for path, content := range operator {
		out.Files[path] = content
	}
	return out, nil
}

// addServers adds the user-data of every server; all problems are told at once.
func (out *Output) addServers(c *clusterfile.Cluster, r render.Assets, keys pki.Files) error {
	var problems []error
	for _, server := range c.All() {
		if server.Role == clusterfile.Joining && keys[token.File(server.Address)] == nil {
			continue
		}
		setup, err := r.Server(c, server, keys)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		userData, err := setup.CloudConfig(c.NTPServers)
		if err != nil {
			problems = append(problems, fmt.Errorf("server %s: %w", server.Address, err))
			continue
		}
		warning, err := setup.CheckSize(userData)
		if err != nil {
			problems = append(problems, err)
		}
		if warning != "" {
			out.Warnings = append(out.Warnings, warning)
		}
		out.Files[UserDataPath(server)] = userData
		if c.Ignition {
			problems = append(problems, out.addIgnition(c, r, setup))
		}
	}
	return errors.Join(problems...)
}

// addToken takes what the servers of a group join with; only `token create` makes one.
func (out *Output) addToken(g clusterfile.Group, keys, there pki.Files, now time.Time) {
	content := there[token.File(g.Name)]
	if content == nil {
		out.Warnings = append(out.Warnings, fmt.Sprintf("group %s has no token yet, so it gets no user-data: aliyun-bootstrap token create %s", g.Name, g.Name))
		return
	}
	keys[token.File(g.Name)] = content
	if t, err := token.Parse(content); err == nil && now.After(t.Expires) {
		out.Warnings = append(out.Warnings, fmt.Sprintf("the token of group %s has ended on %s, so no server can join with its user-data: aliyun-bootstrap token create %s",
			g.Name, t.Expires.UTC().Format(time.RFC3339), g.Name))
	}
}

// UserDataPath is where a server's user-data is in the folder.
func UserDataPath(server clusterfile.Server) string {
	return fmt.Sprintf("user-data/%s-%s.yaml", server.Role, server.Address)
}

// IgnitionPath is UserDataPath of what is for Flatcar.
func IgnitionPath(server clusterfile.Server) string {
	return strings.TrimSuffix(UserDataPath(server), ".yaml") + ".ign"
}

// addIgnition adds a server's user-data for Flatcar.
func (out *Output) addIgnition(c *clusterfile.Cluster, r render.Assets, setup *render.Setup) error {
	config, err := r.Ignition(setup, c.NTPServers)
	if err != nil {
		return fmt.Errorf("server %s: %w", setup.Server.Address, err)
	}
	out.Files[IgnitionPath(setup.Server)] = config
	_, err = setup.CheckSize(config)
	return err
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// summaryValues are the tables of the summary.
func summaryValues(c *clusterfile.Cluster, out *Output) placeholder.Values {
	var servers, certificates strings.Builder
	servers.WriteString("| Address | Role | User-data | Bytes |\n| --- | --- | --- | --- |\n")
	for _, s := range c.All() {
		fmt.Fprintf(&servers, "| %s | %s | %s | %d |\n", s.Address, s.Role, UserDataPath(s), len(out.Files[UserDataPath(s)]))
	}
	certificates.WriteString("| Certificate | Ends |\n| --- | --- |\n")
	for _, change := range out.Certificates {
		fmt.Fprintf(&certificates, "| %s | %s |\n", change.Name, day(change.NotAfter))
	}
	return placeholder.Values{
		"SERVERS": strings.TrimSuffix(servers.String(), "\n"), "CERTIFICATES": strings.TrimSuffix(certificates.String(), "\n"),
	}
}

// ReadKeys reads certificates and keys of the operator's folder, which may not be
// there yet.
func ReadKeys(dir string) (pki.Files, error) {
	entries, err := os.ReadDir(filepath.Join(dir, keyFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return pki.Files{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading certificates: %w", err)
	}
	files := pki.Files{}
	for _, entry := range entries {
		if !slices.Contains([]string{".crt", ".key", ".pub"}, filepath.Ext(entry.Name())) && !token.Is(entry.Name()) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, keyFolder, entry.Name())) // #nosec G304 -- the operator's own
		if err != nil {
			return nil, fmt.Errorf("reading certificates: %w", err)
		}
		files[entry.Name()] = content
	}
	return files, nil
}
