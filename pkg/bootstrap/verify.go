package bootstrap

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/clusterfile"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/pki"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/render"
)

var (
	errDiffers = errors.New("it is not as the cluster file has it; `render` writes it again")
	errKeyTold = errors.New("the key of an authority is in user-data")
	errMode    = errors.New("others than its owner can read it")
)

// Verify tells everything that is wrong with an operator's folder: files that are not
// as the cluster file has them, certificates that are not right or have ended,
// user-data that cloud-init would not take as it is meant, keys where they must not be.
func Verify(c *clusterfile.Cluster, dir string, o pki.Options) error {
	keys, err := ReadKeys(dir)
	if err != nil {
		return err
	}
	o.Renew = false
	out, err := Build(c, keys, o)
	if err != nil {
		return err
	}
	var problems []error
	differences, err := out.Compare(dir)
	if err != nil {
		return err
	}
	for _, d := range differences {
		problems = append(problems, fmt.Errorf("%s (%s): %w", d.Path, d.How, errDiffers))
	}
	for _, server := range c.All() {
		userData, err := os.ReadFile(filepath.Join(dir, UserDataPath(server))) // #nosec G304 -- the operator's own
		if err != nil {
			continue // it is among the differences
		}
		if _, err := render.ParseCloudConfig(userData); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", UserDataPath(server), err))
		}
		if err := noAuthority(userData, keys); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", UserDataPath(server), err))
		}
	}
	for path := range out.Files {
		info, err := os.Stat(filepath.Join(dir, path))
		if err == nil && mode(path) == 0o600 && info.Mode().Perm()&0o077 != 0 {
			problems = append(problems, fmt.Errorf("%s: %w", path, errMode))
		}
	}
	return errors.Join(problems...)
}

// noAuthority is an error where an authority's key is in user-data, however it is
// indented.
func noAuthority(userData []byte, keys pki.Files) error {
	squeezed := squeeze(userData)
	for _, name := range []string{pki.ClusterCA, pki.EtcdCA, pki.FrontProxyCA, pki.NodeCA} {
		block, _ := pem.Decode(keys[name+".key"])
		if block == nil {
			continue
		}
		encoded := squeeze(pem.EncodeToMemory(&pem.Block{Type: "X", Bytes: block.Bytes}))
		body := bytes.TrimSuffix(bytes.TrimPrefix(encoded, []byte("-----BEGINX-----")), []byte("-----ENDX-----"))
		if bytes.Contains(squeezed, body) {
			return fmt.Errorf("%s.key: %w", name, errKeyTold)
		}
	}
	return nil
}

// squeeze takes white space away.
func squeeze(text []byte) []byte { return bytes.Join(bytes.Fields(text), nil) }
