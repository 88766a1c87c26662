package api

import "math/rand/v2"

const idAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789"

// NewID makes an identifier such as i-2zek1b4c9d8e7f6a5: the prefix, a dash and
// 17 lower-case letters and digits out of r, so that a seed repeats a run.
func NewID(r *rand.Rand, prefix string) string {
	id := make([]byte, 0, len(prefix)+18)
	id = append(id, prefix...)
	id = append(id, '-')
	for range 17 {
		id = append(id, idAlphabet[r.IntN(len(idAlphabet))])
	}
	return string(id)
}
