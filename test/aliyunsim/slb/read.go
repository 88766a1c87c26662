package slb

import (
	"slices"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// choice reads a parameter that has one of some values.
func choice(q api.Params, name, fallback string, values ...string) (string, *api.Error) {
	v := q[name]
	if v == "" {
		return fallback, nil
	}
	if !slices.Contains(values, v) {
		return "", api.Invalid(name, v)
	}
	return v, nil
}

// number reads an integer within a range.
func number(q api.Params, name string, fallback, least, most int) (int, *api.Error) {
	n, err := q.Int(name, fallback)
	if err != nil {
		return 0, err
	}
	if q[name] != "" && (n < least || n > most) {
		return 0, api.Invalid(name, q[name])
	}
	return n, nil
}
