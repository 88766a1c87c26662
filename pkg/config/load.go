package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"
)

// Loader collects values from flags; Load adds the other sources.
type Loader struct {
	flags  *pflag.FlagSet
	values map[string]*string
}

// AddFlags defines a flag for every setting that is not a secret.
func AddFlags(fs *pflag.FlagSet) *Loader {
	l := &Loader{flags: fs, values: map[string]*string{}}
	for _, s := range settings {
		if s.secret {
			continue
		}
		help := s.help
		if len(s.env) > 0 {
			help += " Environment: " + strings.Join(s.env, ", ") + "."
		}
		l.values[s.flag] = fs.String(s.flag, s.fallback, help)
		if s.fallback == "true" || s.fallback == "false" {
			fs.Lookup(s.flag).NoOptDefVal = "true"
		}
	}
	return l
}

// Load makes the configuration out of flags, environment and the file (YAML
// with the flags' names as keys; path may be empty). The error names every
// problem, a line each.
func (l *Loader) Load(path string, getenv func(string) string) (*Config, error) {
	var problems []error
	file, err := readFile(path)
	if err != nil {
		problems = append(problems, err)
	}
	c := &Config{}
	for _, s := range settings {
		value, origin := l.pick(s, file, getenv)
		if value == "" {
			continue
		}
		if err := s.set(c, value); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", origin, err))
		}
	}
	problems = append(problems, c.derive()...)
	if len(problems) > 0 {
		return nil, &InvalidError{Problems: problems}
	}
	return c, nil
}

// pick finds a setting's value and says where it came from.
func (l *Loader) pick(s setting, file map[string]string, getenv func(string) string) (value, origin string) {
	if f := l.flags.Lookup(s.flag); f != nil && f.Changed {
		return *l.values[s.flag], "flag --" + s.flag
	}
	for _, name := range s.env {
		if v := getenv(name); v != "" {
			return v, "environment variable " + name
		}
	}
	if v, ok := file[s.flag]; ok {
		return v, "key " + s.flag + " of the configuration file"
	}
	return s.fallback, "default of --" + s.flag
}

// structured returns a list of objects as JSON; other values are none.
func structured(v any) (string, bool) {
	items, ok := v.([]any)
	if !ok || len(items) == 0 {
		return "", false
	}
	for _, item := range items {
		if _, ok := item.(map[string]any); !ok {
			return "", false
		}
	}
	text, err := json.Marshal(items)
	return string(text), err == nil
}

// readFile reads a YAML file with one level of keys. Lists become comma lists,
// lists of objects JSON.
func readFile(path string) (map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path) // #nosec G304 -- the operator names the file
	if err != nil {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	raw := map[string]any{}
	if err := yaml.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("configuration file %s is not YAML with one value a key: %w", path, err)
	}
	values := make(map[string]string, len(raw))
	var unknown []string
	for key, v := range raw {
		if !slices.ContainsFunc(settings, func(s setting) bool { return s.flag == key }) {
			unknown = append(unknown, key)
			continue
		}
		if text, nested := structured(v); nested {
			values[key] = text
			continue
		}
		if items, ok := v.([]any); ok {
			parts := make([]string, len(items))
			for i, item := range items {
				parts[i] = fmt.Sprint(item)
			}
			values[key] = strings.Join(parts, ",")
			continue
		}
		values[key] = fmt.Sprint(v)
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return values, fmt.Errorf("configuration file %s: unknown key %s (keys are the flags' names without dashes in front)",
			path, strings.Join(unknown, ", "))
	}
	return values, nil
}

// InvalidError holds every problem of a configuration.
type InvalidError struct {
	Problems []error
}

// Error prints a line for each problem.
func (e *InvalidError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the configuration has %d problem(s):", len(e.Problems))
	for _, p := range e.Problems {
		fmt.Fprintf(&b, "\n  - %s", strings.ReplaceAll(p.Error(), "\n", " "))
	}
	return b.String()
}

// Unwrap gives the problems to errors.Is and errors.As.
func (e *InvalidError) Unwrap() []error { return slices.Clone(e.Problems) }

var errHalfKey = errors.New("an access key needs both its id and its secret: set ALIYUN_ACCESS_KEY and ALIYUN_ACCESS_KEY_SECRET")

func setSecret(c *Config, v string) error {
	if !secretPattern.MatchString(v) {
		return fmt.Errorf("%q is not namespace/name", v)
	}
	c.Credentials.SecretNamespace, c.Credentials.SecretName, _ = strings.Cut(v, "/")
	return nil
}
