// Package token makes what servers of a group join with: a bootstrap token of
// Kubernetes, as the Secret that the API server knows it by.
package token

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kube-aliyun/kube-aliyun/pkg/nodejoin"
)

// Prefix begins the names of files with tokens.
const Prefix = "token-"

// File is the name of a group's in the operator's folder.
func File(group string) string { return Prefix + group + ".yaml" }

// Is tells the name of a file with a token.
func Is(name string) bool { return strings.HasPrefix(name, Prefix) && strings.HasSuffix(name, ".yaml") }

// Token is a bootstrap token.
type Token struct {
	// ID is no secret: it is in the Secret's name and in logs.
	ID, Secret string
	// Group is the one whose servers join with it.
	Group   string
	Expires time.Time
}

// String is the token as a kubelet shows it.
func (t Token) String() string { return t.ID + "." + t.Secret }

// The form that Kubernetes demands (k8s.io/cluster-bootstrap/token/api).
var (
	form    = regexp.MustCompile(`^[a-z0-9]{6}\.[a-z0-9]{16}$`)
	errForm = errors.New("it is no bootstrap token that `aliyun-bootstrap token create` has made")
)

const letters = "abcdefghijklmnopqrstuvwxyz0123456789"

func random(length int) (string, error) {
	text := make([]byte, length)
	for i := range text {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(letters))))
		if err != nil {
			return "", fmt.Errorf("making a token: %w", err)
		}
		text[i] = letters[n.Int64()]
	}
	return string(text), nil
}

// New makes a token for a group that is good until a time.
func New(group string, expires time.Time) (Token, error) {
	id, err := random(6)
	if err != nil {
		return Token{}, err
	}
	secret, err := random(16)
	return Token{ID: id, Secret: secret, Group: group, Expires: expires.UTC().Truncate(time.Second)}, err
}

// Name is that of its Secret in kube-system.
func (t Token) Name() string { return "bootstrap-token-" + t.ID }

// Manifest is the Secret by which the API server knows it. kube-controller-manager
// deletes it when the time has come.
func (t Token) Manifest() ([]byte, error) {
	secret := corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Name: t.Name(), Namespace: metav1.NamespaceSystem},
		Type:       corev1.SecretTypeBootstrapToken,
		StringData: map[string]string{
			"token-id": t.ID, "token-secret": t.Secret, "expiration": t.Expires.Format(time.RFC3339),
			"usage-bootstrap-authentication": "true", "auth-extra-groups": nodejoin.BootstrapGroup, "description": t.Group,
		},
	}
	return yaml.Marshal(secret)
}

// Parse reads a Manifest.
func Parse(manifest []byte) (Token, error) {
	secret := corev1.Secret{}
	if err := yaml.UnmarshalStrict(manifest, &secret); err != nil {
		return Token{}, fmt.Errorf("%w: %w", errForm, err)
	}
	t := Token{ID: secret.StringData["token-id"], Secret: secret.StringData["token-secret"], Group: secret.StringData["description"]}
	if secret.Name != t.Name() || secret.Type != corev1.SecretTypeBootstrapToken || !form.MatchString(t.String()) {
		return Token{}, errForm
	}
	var err error
	if t.Expires, err = time.Parse(time.RFC3339, secret.StringData["expiration"]); err != nil {
		return Token{}, fmt.Errorf("%w: %w", errForm, err)
	}
	return t, nil
}
