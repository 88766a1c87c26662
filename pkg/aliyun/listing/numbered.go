package listing

import (
	"context"
	"errors"
)

// NumberedPage is one page of a list that is read by page number.
type NumberedPage[T any] struct {
	Items []T
	// Total is the length of the whole list.
	Total     int
	RequestID string
}

// readings is how often a list that changes between its pages is read.
const readings = 3

var errChanged = errors.New("the list changed between two pages")

// Numbered reads all pages of a list that is read by page number, from 1. key
// tells an item's identity: something added or removed between two pages shifts
// the later ones, so that an item may be missed; the list is then read again,
// three times at most.
func Numbered[T any](
	ctx context.Context, src Source, key func(T) string,
	read func(ctx context.Context, number int) (NumberedPage[T], error),
) ([]T, error) {
	for try := 1; ; try++ {
		all, err := numberedOnce(ctx, src, key, read)
		if !errors.Is(err, errChanged) {
			return all, err
		}
		if try == readings {
			return nil, src.partial("", "%v", err)
		}
	}
}

func numberedOnce[T any](
	ctx context.Context, src Source, key func(T) string,
	read func(ctx context.Context, number int) (NumberedPage[T], error),
) ([]T, error) {
	var all []T
	seen := map[string]bool{}
	total := 0
	for number := 1; ; number++ {
		page, err := read(ctx, number)
		if err != nil {
			return nil, err
		}
		if err := src.Check(page.RequestID); err != nil {
			return nil, err
		}
		if number > 1 && page.Total != total {
			return nil, errChanged
		}
		total = page.Total
		for _, item := range page.Items {
			if seen[key(item)] {
				return nil, errChanged
			}
			seen[key(item)] = true
		}
		all = append(all, page.Items...)
		switch {
		case len(all) == total:
			return all, nil
		case len(all) > total:
			return nil, src.partial(page.RequestID, "%d items where %d were told", len(all), total)
		case len(page.Items) == 0:
			return nil, src.partial(page.RequestID, "%d of %d items", len(all), total)
		}
	}
}
