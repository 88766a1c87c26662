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

// number reads an integer from 1 to most.
func number(q api.Params, name string, fallback, most int) (int, *api.Error) {
	n, err := q.Int(name, fallback)
	if err != nil {
		return 0, err
	}
	if q[name] != "" && (n < 1 || n > most) {
		return 0, api.Invalid(name, q[name])
	}
	return n, nil
}
