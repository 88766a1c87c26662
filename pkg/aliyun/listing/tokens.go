package listing

import "context"

// TokenPage is one page of a list that is continued by a token.
type TokenPage[T any] struct {
	Items     []T
	Next      string
	RequestID string
}

// Tokens reads all pages of a list that is continued by a token. The last page
// is the one without a next token.
func Tokens[T any](
	ctx context.Context, src Source, read func(ctx context.Context, token string) (TokenPage[T], error),
) ([]T, error) {
	var all []T
	seen := map[string]bool{}
	for token := ""; ; {
		page, err := read(ctx, token)
		if err != nil {
			return nil, err
		}
		if err := src.Check(page.RequestID); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		if len(page.Items) == 0 {
			return nil, src.partial(page.RequestID, "an empty page in the middle")
		}
		if seen[page.Next] {
			return nil, src.partial(page.RequestID, "the same token twice")
		}
		seen[page.Next] = true
		token = page.Next
	}
}
