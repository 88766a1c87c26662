package annotation

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The separators of lists: commas, and bars within the value of one port.
const (
	comma = ","
	bar   = "|"
)

// portForm is how a value begins that is given for each port.
var portForm = regexp.MustCompile(`^\s*[0-9]+\s*:`)

// portValue is what a setting is for one port.
type portValue struct {
	port  int
	value string
}

// byPort takes a canonical value apart that is given for each port; nil for one
// that is the same for all.
func (e Entry) byPort(canonical string) []portValue {
	if !e.PerPort() || !portForm.MatchString(canonical) {
		return nil
	}
	var out []portValue
	for item := range strings.SplitSeq(canonical, comma) {
		port, value, _ := strings.Cut(item, ":")
		n, _ := strconv.Atoi(port)
		if e.list() {
			value = strings.ReplaceAll(value, bar, comma)
		}
		out = append(out, portValue{n, value})
	}
	return out
}

func (e Entry) list() bool { return e.Type == ChoiceList || e.Type == List }

// parse returns the canonical form of a value, or what it must be. A listener's
// setting is one value for all ports, or <port>:<value>,<port>:<value> with lists
// inside joined by bars.
func (e Entry) parse(value string) (string, error) {
	if !e.PerPort() || !portForm.MatchString(value) {
		return e.parseOne(value)
	}
	var ports []portValue
	seen := map[int]bool{}
	for item := range strings.SplitSeq(value, comma) {
		port, text, found := strings.Cut(item, ":")
		port, text = strings.TrimSpace(port), strings.TrimSpace(text)
		n, err := strconv.Atoi(port)
		if !found || err != nil || n < 1 || n > maxPort {
			return "", errors.New("must have a port in each item, such as 80:a,443:b, or in none (lists within are joined by |)")
		}
		if seen[n] {
			return "", fmt.Errorf("must name port %d once", n)
		}
		seen[n] = true
		one, err := e.parseOne(text)
		if err != nil {
			return "", fmt.Errorf("for port %d %w", n, err)
		}
		ports = append(ports, portValue{n, strings.ReplaceAll(one, comma, bar)})
	}
	slices.SortFunc(ports, func(a, b portValue) int { return a.port - b.port })
	items := make([]string, 0, len(ports))
	for _, p := range ports {
		items = append(items, fmt.Sprintf("%d:%s", p.port, p.value))
	}
	return strings.Join(items, comma), nil
}

// parseOne returns the canonical form of a value without ports.
func (e Entry) parseOne(value string) (string, error) {
	switch e.Type {
	case Integer:
		n, err := strconv.Atoi(value)
		if slices.Contains(e.Choices, value) {
			return value, nil
		}
		if err != nil || n < e.Min || n > e.Max {
			return "", fmt.Errorf("must be a whole number from %d to %d", e.Min, e.Max)
		}
		value = strconv.Itoa(n)
	case Choice:
		if !slices.Contains(e.Choices, value) {
			return "", fmt.Errorf("must be %s", alternatives(e.Choices))
		}
	case ChoiceList:
		return e.choiceList(value)
	case List:
		return e.items(value)
	case PairList:
		canonical, err := canonicalPairs(value, e.Form)
		if err != nil {
			return "", err
		}
		value = canonical
	case Text, TagList:
	}
	if e.Check != nil {
		if err := e.Check(value); err != nil {
			return "", err
		}
	}
	return value, nil
}

// split takes a list apart at commas and bars.
func splitList(value string) []string {
	items := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(comma+bar, r) })
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}

// choiceList sorts a list into the order of the choices and drops repetitions,
// so that equal meanings have one form.
func (e Entry) choiceList(value string) (string, error) {
	given := map[string]bool{}
	for _, item := range splitList(value) {
		if !slices.Contains(e.Choices, item) {
			return "", fmt.Errorf("must be a list of %s", alternatives(e.Choices))
		}
		given[item] = true
	}
	list := slices.DeleteFunc(slices.Clone(e.Choices), func(choice string) bool { return !given[choice] })
	if len(list) == 0 {
		return "", fmt.Errorf("must be a list of %s", alternatives(e.Choices))
	}
	return strings.Join(list, comma), nil
}

// items sorts a list whose order has no meaning and drops repetitions.
func (e Entry) items(value string) (string, error) {
	items := splitList(value)
	if len(items) == 0 {
		return "", fmt.Errorf("must be a list such as %s", e.Form)
	}
	for _, item := range items {
		if err := e.Check(item); err != nil {
			return "", err
		}
	}
	slices.Sort(items)
	return strings.Join(slices.Compact(items), comma), nil
}

// canonicalPairs takes the blanks and leading zeros out of a list of pairs.
func canonicalPairs(value, form string) (string, error) {
	var out []string
	for item := range strings.SplitSeq(value, comma) {
		a, b, found := strings.Cut(item, ":")
		if a, b = number(strings.TrimSpace(a)), number(strings.TrimSpace(b)); !found || a == "" || b == "" {
			return "", fmt.Errorf("must be a list such as %s", form)
		}
		out = append(out, a+":"+b)
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), comma), nil
}

// number takes the leading zeros off a number, and leaves other text alone.
func number(text string) string {
	if n, err := strconv.Atoi(text); err == nil && n > 0 && text[0] == '0' {
		return strconv.Itoa(n)
	}
	return text
}

// pairs takes a canonical list of pairs apart.
func pairs(canonical string) [][2]string {
	var out [][2]string
	for item := range strings.SplitSeq(canonical, comma) {
		a, b, _ := strings.Cut(item, ":")
		out = append(out, [2]string{a, b})
	}
	return out
}

// alternatives joins choices for a sentence: "a, b or c".
func alternatives(choices []string) string {
	last := len(choices) - 1
	if last == 0 {
		return choices[0]
	}
	return strings.Join(choices[:last], ", ") + " or " + choices[last]
}
