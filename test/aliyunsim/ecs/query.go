package ecs

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// Limits of the lists: ids or addresses a call, the smallest MaxResults (smaller
// ones are clamped up to it), the usual and the largest PageSize.
const (
	maxIDs       = 100
	minTokenPage = 10
	listPage     = 10
	maxPage      = 100
)

// paging is one page of an ECS list, by token or by number. TotalCount means
// nothing in token mode and is 0 there.
type paging struct {
	token        bool
	number, size int
	after        uint64
}

// readPaging takes MaxResults and NextToken before PageNumber and PageSize, as ECS
// does. MaxResults out of range is clamped, PageSize out of range refused.
func readPaging(c *api.Call, maxResults int) (paging, *api.Error) {
	if !c.Params.Has("MaxResults") && !c.Params.Has("NextToken") {
		number, size, err := c.Params.Page(listPage, maxPage, false)
		return paging{number: number, size: size}, err
	}
	size, err := c.Params.Int("MaxResults", minTokenPage)
	if err != nil {
		return paging{}, err
	}
	position, err := c.Position("InvalidParameter.NextToken")
	if err != nil {
		return paging{}, err
	}
	after := uint64(0)
	if position != "" {
		n, parseErr := strconv.ParseUint(position, 10, 64)
		if parseErr != nil {
			return paging{}, api.Errorf(http.StatusBadRequest, "InvalidParameter.NextToken", "The specified NextToken is invalid.")
		}
		after = n
	}
	return paging{token: true, size: min(max(size, minTokenPage), maxResults), after: after}, nil
}

// cutPage returns the page out of candidates, which are sorted by seq, and the
// top-level fields of the reply. A nil wanted wants all of them.
func cutPage[T any](c *api.Call, pg paging, candidates []T, seq func(T) uint64, wanted func(T) bool) ([]T, api.Reply) {
	if !pg.token {
		page, total := numberedPage(pg, candidates, wanted)
		return page, api.Reply{"PageNumber": pg.number, "PageSize": pg.size, "TotalCount": total, "NextToken": ""}
	}
	start, found := slices.BinarySearchFunc(candidates, pg.after, func(one T, at uint64) int { return cmp.Compare(seq(one), at) })
	if found {
		start++
	}
	page, next := []T{}, ""
	for _, one := range candidates[start:] {
		if wanted != nil && !wanted(one) {
			continue
		}
		if len(page) == pg.size {
			next = c.NextToken(strconv.FormatUint(seq(page[pg.size-1]), 10))
			break
		}
		page = append(page, one)
	}
	return page, api.Reply{"PageNumber": 0, "PageSize": pg.size, "TotalCount": 0, "NextToken": next}
}

// numberedPage counts the candidates that are wanted and keeps those of the page.
func numberedPage[T any](pg paging, candidates []T, wanted func(T) bool) (page []T, total int) {
	if wanted == nil {
		return api.PageOf(candidates, pg.number, pg.size), len(candidates)
	}
	for _, one := range candidates {
		if !wanted(one) {
			continue
		}
		if total/pg.size == pg.number-1 {
			page = append(page, one)
		}
		total++
	}
	return page, total
}

// jsonList reads a parameter that carries a JSON array of up to 100 strings. It
// reports whether the parameter was sent: an empty array asks for nothing.
func jsonList(q api.Params, name string) ([]string, bool, *api.Error) {
	list := []string{}
	sent, err := q.JSON(name, &list)
	if err != nil || len(list) > maxIDs {
		return nil, sent, api.Errorf(http.StatusBadRequest, "Invalid"+name+".Malformed", "The specified %s are not valid: a JSON array of up to %d is wanted.", name, maxIDs)
	}
	return list, sent, nil
}

// match says whether a filter that may be absent admits a value.
func match(filter, value string) bool {
	return filter == "" || filter == value
}

// in is match for a list.
func in(filter []string, value string) bool {
	return len(filter) == 0 || slices.Contains(filter, value)
}

// matchName is match with * for any letters.
func matchName(pattern, name string) bool {
	if !strings.Contains(pattern, "*") {
		return match(pattern, name)
	}
	parts := strings.Split(pattern, "*")
	rest, ok := strings.CutPrefix(name, parts[0])
	if !ok {
		return false
	}
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		_, after, found := strings.Cut(rest, part)
		if !found {
			return false
		}
		rest = after
	}
	return strings.HasSuffix(rest, parts[last])
}
