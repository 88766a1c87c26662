package annotation

// nearest returns the known suffix that is most like the given one, or "" when
// none is alike.
func nearest(suffix string) string {
	const (
		tolerance = 3  // at most a third of the letters may differ
		longest   = 63 // of a name in Kubernetes
	)
	if len(suffix) > longest {
		return ""
	}
	best, distance := "", len(suffix)/tolerance+1
	for _, entry := range registry {
		if d := editDistance(suffix, string(entry.Key)); len(entry.FullKeys) == 0 && d < distance {
			best, distance = string(entry.Key), d
		}
	}
	return best
}

// editDistance is the number of letters to insert, delete or replace that make a
// into b (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
