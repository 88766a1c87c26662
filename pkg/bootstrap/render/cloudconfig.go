package render

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// header is the first line by which cloud-init knows a cloud-config.
const header = "#cloud-config\n"

// Limits of user-data, before Base64 (RunInstances, UserData).
const (
	UserDataLimit = 32 << 10
	// UserDataWarning is what older pages of Alibaba Cloud name.
	UserDataWarning = 16 << 10
	// roomy is what files are compressed for.
	roomy = 30 << 10
)

// TopLevel are the keys that a cloud-config of ours may have: cloud-init passes over
// others, and its own check does too.
var TopLevel = []string{"ntp", "package_update", "packages", "runcmd", "write_files"}

var (
	errForm       = errors.New("not a cloud-config of ours")
	errTooLarge   = errors.New("too large for user-data")
	errPermission = errors.New("not four octal digits, or too wide for a key")

	fourDigits = regexp.MustCompile(`^0[0-7]{3}$`)
	secret     = regexp.MustCompile(`(\.key|kubeconfig)$`)
	leftOver   = regexp.MustCompile(`\$\{|\{\{`)
)

// cniTemplate is what containerd fills, not this program.
const cniTemplate = "/etc/containerd/cni.template"

// CloudConfig is a parsed cloud-config.
type CloudConfig struct {
	NTP           *NTP       `json:"ntp,omitempty"`
	PackageUpdate bool       `json:"package_update,omitempty"`
	Packages      []string   `json:"packages,omitempty"`
	WriteFiles    []File     `json:"write_files"`
	RunCmd        [][]string `json:"runcmd"`
}

// NTP says who tells the time.
type NTP struct {
	Enabled bool     `json:"enabled"`
	Servers []string `json:"servers"`
}

// CloudConfig writes a set-up as user-data for cloud-init. It is as one reads it,
// unless it would be too large: then its largest files without keys are compressed,
// one after the other, until there is room to spare.
func (s *Setup) CloudConfig(ntp []string) ([]byte, error) {
	packed := map[string]string{}
	for {
		userData, err := s.cloudConfig(ntp, packed)
		if err != nil || len(userData) <= roomy {
			return userData, err
		}
		path, content, err := s.largest(packed)
		if err != nil || path == "" {
			return userData, err
		}
		packed[path] = content
	}
}

// cloudConfig writes a set-up with some files compressed.
func (s *Setup) cloudConfig(ntp []string, packed map[string]string) ([]byte, error) {
	var b strings.Builder
	b.WriteString(header)
	if len(ntp) > 0 {
		fmt.Fprintf(&b, "ntp:\n  enabled: true\n  servers: [%s]\n", strings.Join(ntp, ", "))
	}
	if len(s.Packages) > 0 {
		fmt.Fprintf(&b, "package_update: true\npackages: [%s]\n", strings.Join(s.Packages, ", "))
	}
	b.WriteString("write_files:\n")
	for _, f := range s.Files {
		fmt.Fprintf(&b, "- path: %s\n  permissions: %q\n", f.Path, f.Permissions)
		if content, is := packed[f.Path]; is {
			fmt.Fprintf(&b, "  encoding: %s\n  content: %s\n", compressed, content)
			continue
		}
		b.WriteString("  content: |\n")
		for line := range strings.Lines(f.Content) {
			if line != "\n" {
				b.WriteString("   ")
			}
			b.WriteString(line)
		}
	}
	b.WriteString("runcmd:\n")
	for _, command := range s.Run {
		words := make([]string, 0, len(command))
		for _, word := range command {
			words = append(words, quote(word))
		}
		fmt.Fprintf(&b, "- [%s]\n", strings.Join(words, ", "))
	}
	userData := []byte(b.String())
	parsed, err := ParseCloudConfig(userData)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(parsed.WriteFiles, s.Files) {
		return nil, fmt.Errorf("%w: a file is not read as it was written", errForm)
	}
	return userData, nil
}

// ParseCloudConfig reads user-data of ours. Keys that cloud-init would pass over,
// permissions that are not a string of four digits, and placeholders that are left
// are errors.
func ParseCloudConfig(userData []byte) (*CloudConfig, error) {
	if !strings.HasPrefix(string(userData), header) {
		return nil, fmt.Errorf("%w: its first line is not #cloud-config", errForm)
	}
	keys := map[string]any{}
	if err := yaml.Unmarshal(userData, &keys); err != nil {
		return nil, fmt.Errorf("%w: %w", errForm, err)
	}
	for key := range keys {
		if !slices.Contains(TopLevel, key) {
			return nil, fmt.Errorf("%w: cloud-init passes over the key %q", errForm, key)
		}
	}
	c := &CloudConfig{}
	if err := yaml.UnmarshalStrict(userData, c); err != nil {
		return nil, fmt.Errorf("%w: %w", errForm, err)
	}
	var problems []error
	for i := range c.WriteFiles {
		f := &c.WriteFiles[i]
		if err := f.unpack(); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", f.Path, err))
		}
		if !fourDigits.MatchString(f.Permissions) || (secret.MatchString(f.Path) && f.Permissions != "0600") {
			problems = append(problems, fmt.Errorf("%s: permissions %q: %w", f.Path, f.Permissions, errPermission))
		}
		if found := leftOver.FindString(f.Content); found != "" && (f.Path != cniTemplate || found == "${") {
			problems = append(problems, fmt.Errorf("%s: %s: %w", f.Path, found, errUnfilled))
		}
	}
	return c, errors.Join(problems...)
}

// CheckSize is an error where user-data is over the limit, naming the three largest
// files, and a warning where it is over half of it.
func (s *Setup) CheckSize(userData []byte) (warning string, err error) {
	if len(userData) <= UserDataWarning {
		return "", nil
	}
	files := slices.Clone(s.Files)
	slices.SortFunc(files, func(one, other File) int { return len(other.Content) - len(one.Content) })
	var largest []string
	for _, f := range files[:min(3, len(files))] {
		largest = append(largest, fmt.Sprintf("%s (%d)", f.Path, len(f.Content)))
	}
	if len(userData) > UserDataLimit {
		return "", fmt.Errorf("server %s: %d bytes, the limit is %d; its largest files are %s: %w",
			s.Server.Address, len(userData), UserDataLimit, strings.Join(largest, ", "), errTooLarge)
	}
	return fmt.Sprintf("server %s: %d bytes of user-data; ECS takes %d, older pages of its documentation say %d",
		s.Server.Address, len(userData), UserDataLimit, UserDataWarning), nil
}
