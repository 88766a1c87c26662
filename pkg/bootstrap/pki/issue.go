package pki

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// Files are the content of the folder with certificates and keys, by name.
type Files map[string][]byte

// Options say what Issue does with certificates that are there.
type Options struct {
	Now time.Time
	// Renew issues again, with their keys, those that end within RenewBefore and
	// those that are not what the cluster file says now. Authorities and the key of
	// service accounts stay.
	Renew       bool
	RenewBefore time.Duration
}

// Change is what Issue did to a certificate.
type Change struct {
	Name string
	// Made is "made", "renewed", or empty where what was there stays.
	Made     string
	NotAfter time.Time
}

var (
	errOther   = errors.New("it is not what the cluster file asks for; `certs renew` issues it again")
	errEnded   = errors.New("it has ended; `certs renew` issues it again")
	errNoKey   = errors.New("its key is not in the folder")
	errForeign = errors.New("another authority has signed it")
)

func isAbsent(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// Issue makes what is wanted and not there. Nothing that is there is changed, unless
// Renew asks for it: a certificate that is not right is an error. A second call with
// the files of the first gives the same.
func Issue(wanted []Wanted, there Files, o Options) (Files, []Change, error) {
	files := Files{}
	var changes []Change
	var problems []error
	authorities := map[string]Pair{}
	for _, w := range wanted {
		pair, made, err := w.issue(there, authorities[w.Authority], o)
		if err != nil {
			problems = append(problems, fmt.Errorf("certificate %s: %w", w.Name, err))
			continue
		}
		if w.Authority == "" {
			authorities[w.Name] = pair
		}
		files[w.Name+".crt"] = pair.CertificatePEM()
		if made == "" {
			files[w.Name+".crt"] = there[w.Name+".crt"]
		}
		if pair.Key != nil {
			if files[w.Name+".key"], err = keepKey(there[w.Name+".key"], pair.Key); err != nil {
				problems = append(problems, err)
			}
		}
		changes = append(changes, Change{Name: w.Name, Made: made, NotAfter: pair.Certificate.NotAfter})
	}
	if err := issueServiceAccount(files, there); err != nil {
		problems = append(problems, fmt.Errorf("key of service accounts: %w", err))
	}
	return files, changes, errors.Join(problems...)
}

// keepKey leaves a key as it is written.
func keepKey(there []byte, key *ecdsa.PrivateKey) ([]byte, error) {
	if there != nil {
		return there, nil
	}
	return keyPEM(key)
}

// issue makes one, or takes what is there.
func (w Wanted) issue(there Files, authority Pair, o Options) (pair Pair, made string, err error) {
	if content := there[w.Name+".key"]; content != nil {
		if pair.Key, err = parseKey(content); err != nil {
			return Pair{}, "", fmt.Errorf("its key: %w", err)
		}
	}
	if content := there[w.Name+".crt"]; content != nil {
		if pair.Certificate, err = parseCertificate(content); err != nil {
			return Pair{}, "", err
		}
		wrong := w.check(pair, authority, o.Now)
		ends := pair.Certificate.NotAfter.Before(o.Now.Add(o.RenewBefore))
		switch {
		case w.Authority == "" || !o.Renew || (wrong == nil && !ends):
			return pair, "", wrong
		}
		made = "renewed"
	}
	if pair.Key == nil {
		if made != "" {
			return Pair{}, "", errNoKey
		}
		if pair.Key, err = newKey(); err != nil {
			return Pair{}, "", err
		}
	}
	if made == "" {
		made = "made"
	}
	if w.Authority == "" {
		pair, err = selfSign(w.Request, pair.Key, o.Now)
		return pair, made, err
	}
	if authority.Key == nil {
		return Pair{}, "", fmt.Errorf("authority %s: %w; bring %s.key for this command", w.Authority, errNoKey, w.Authority)
	}
	pair, err = sign(w.Request, w.Profile, authority, pair.Key, o.Now)
	return pair, made, err
}

// check tells what is wrong with a certificate that is there.
func (w Wanted) check(pair, authority Pair, now time.Time) error {
	c := pair.Certificate
	if pair.Key != nil && !pair.Key.PublicKey.Equal(c.PublicKey) {
		return fmt.Errorf("its key is another's: %w", errOther)
	}
	if pair.Key == nil && w.Authority != "" {
		return errNoKey
	}
	if now.After(c.NotAfter) {
		return errEnded
	}
	if w.Authority == "" {
		return nil
	}
	if authority.Certificate == nil || c.CheckSignatureFrom(authority.Certificate) != nil {
		return fmt.Errorf("%s: %w", w.Authority, errForeign)
	}
	want, err := w.Request.template()
	if err != nil {
		return err
	}
	usage, extended, err := w.Profile.usages()
	if err != nil {
		return err
	}
	if c.Subject.String() != want.Subject.String() {
		return fmt.Errorf("it is for %s, not %s: %w", c.Subject, want.Subject, errOther)
	}
	if has, needs := hosts(c), hosts(want); has != needs {
		return fmt.Errorf("its hosts are %s, not %s: %w", has, needs, errOther)
	}
	if c.KeyUsage != usage || !slices.Equal(c.ExtKeyUsage, extended) {
		return fmt.Errorf("its usages are others: %w", errOther)
	}
	return nil
}

// hosts lists names and addresses in one order.
func hosts(c *x509.Certificate) string {
	all := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// issueServiceAccount makes the key that signs tokens: a new one would end all of
// them.
func issueServiceAccount(files, there Files) error {
	private, public := ServiceAccount+".key", ServiceAccount+".pub"
	files[private] = there[private]
	if files[private] == nil {
		key, err := newKey()
		if err != nil {
			return err
		}
		if files[private], err = keyPEM(key); err != nil {
			return err
		}
	}
	key, err := parseKey(files[private])
	if err != nil {
		return err
	}
	if files[public], err = publicPEM(key); err != nil {
		return err
	}
	if old := there[public]; old != nil && !bytes.Equal(old, files[public]) {
		return fmt.Errorf("%s does not belong to %s: %w", public, private, errOther)
	}
	return nil
}
