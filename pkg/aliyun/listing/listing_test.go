package listing

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
)

var source = Source{Product: "Vpc", Action: "DescribeThings"}

// tokens plays pages back, the token being the index of the page.
func tokens(pages ...TokenPage[string]) func(context.Context, string) (TokenPage[string], error) {
	return func(_ context.Context, token string) (TokenPage[string], error) {
		if token == "" {
			return pages[0], nil
		}
		i, err := strconv.Atoi(token)
		return pages[i], err
	}
}

func TestTokens(t *testing.T) {
	tests := map[string]struct {
		pages []TokenPage[string]
		want  []string
		fails bool
	}{
		"one page":              {[]TokenPage[string]{{[]string{"a"}, "", "r"}}, []string{"a"}, false},
		"empty list":            {[]TokenPage[string]{{nil, "", "r"}}, nil, false},
		"two pages":             {[]TokenPage[string]{{[]string{"a"}, "1", "r"}, {[]string{"b"}, "", "r"}}, []string{"a", "b"}, false},
		"empty last page":       {[]TokenPage[string]{{[]string{"a"}, "1", "r"}, {nil, "", "r"}}, []string{"a"}, false},
		"empty middle page":     {[]TokenPage[string]{{[]string{"a"}, "1", "r"}, {nil, "2", "r"}, {[]string{"b"}, "", "r"}}, nil, true},
		"token that comes back": {[]TokenPage[string]{{[]string{"a"}, "1", "r"}, {[]string{"b"}, "1", "r"}}, nil, true},
		"empty answer":          {[]TokenPage[string]{{}}, nil, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Tokens(t.Context(), source, tokens(tt.pages...))
			if tt.fails != errors.Is(err, apierror.ErrUnavailable) {
				t.Fatalf("error %v", err)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestTokensGivesNothingWhenALaterPageFails(t *testing.T) {
	boom := errors.New("boom")
	got, err := Tokens(t.Context(), source, func(_ context.Context, token string) (TokenPage[string], error) {
		if token != "" {
			return TokenPage[string]{}, boom
		}
		return TokenPage[string]{Items: []string{"a"}, Next: "1", RequestID: "r"}, nil
	})
	if got != nil || !errors.Is(err, boom) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestNumbered(t *testing.T) {
	page := func(total int, items ...string) NumberedPage[string] {
		return NumberedPage[string]{Items: items, Total: total, RequestID: "r"}
	}
	tests := map[string]struct {
		answers []NumberedPage[string]
		want    []string
		fails   bool
	}{
		"one page":      {[]NumberedPage[string]{page(2, "a", "b")}, []string{"a", "b"}, false},
		"empty list":    {[]NumberedPage[string]{page(0)}, nil, false},
		"two pages":     {[]NumberedPage[string]{page(3, "a", "b"), page(3, "c")}, []string{"a", "b", "c"}, false},
		"short list":    {[]NumberedPage[string]{page(3, "a", "b"), page(3)}, nil, true},
		"more than all": {[]NumberedPage[string]{page(1, "a", "b")}, nil, true},
		"empty answer":  {[]NumberedPage[string]{{}}, nil, true},
		"grown between two pages: read again": {
			[]NumberedPage[string]{page(3, "a", "b"), page(4, "c"), page(4, "a", "b"), page(4, "c", "d")}, []string{"a", "b", "c", "d"}, false,
		},
		"shifted between two pages: read again": {
			[]NumberedPage[string]{page(3, "a", "b"), page(3, "b"), page(3, "z", "a"), page(3, "b")}, []string{"z", "a", "b"}, false,
		},
		"never the same": {
			[]NumberedPage[string]{page(2, "a"), page(3, "b"), page(2, "a"), page(3, "b"), page(2, "a"), page(3, "b")}, nil, true,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			calls := 0
			got, err := Numbered(t.Context(), source, func(s string) string { return s },
				func(_ context.Context, _ int) (NumberedPage[string], error) {
					calls++
					return tt.answers[calls-1], nil
				})
			if tt.fails != errors.Is(err, apierror.ErrUnavailable) {
				t.Fatalf("error %v", err)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if calls != len(tt.answers) {
				t.Errorf("%d calls, want %d", calls, len(tt.answers))
			}
		})
	}
}
