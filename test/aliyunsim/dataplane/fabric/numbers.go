package fabric

import (
	"hash/fnv"
	"regexp"
	"strconv"
)

// numbers gives out the lowest number that is not taken, from 0 on.
type numbers struct{ taken map[int]bool }

func (n *numbers) take() int {
	if n.taken == nil {
		n.taken = map[int]bool{}
	}
	i := 0
	for n.taken[i] {
		i++
	}
	n.taken[i] = true
	return i
}

func (n *numbers) give(i int) { delete(n.taken, i) }

var plain = regexp.MustCompile(`^[A-Za-z0-9._-]{1,40}$`)

// fileName makes an id, which a seed may have chosen, part of a file's name.
func fileName(kind, id string) string {
	if plain.MatchString(id) {
		return kind + "-" + id
	}
	h := fnv.New64a()
	// A hash never fails to take bytes.
	_, _ = h.Write([]byte(id))
	return kind + "-" + strconv.FormatUint(h.Sum64(), 36)
}
