package aliyunsim

import (
	"net/http"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/region"
)

// Handler serves a whole region: the products at /, metadata at /latest/ and
// /metadata/<server>/latest/, and admin, when not nil, at /admin/.
func Handler(r *region.Region, admin http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", r.Gateway)
	mux.Handle("/latest/", r.Metadata)
	mux.Handle("/metadata/", r.Metadata)
	if admin != nil {
		mux.Handle("/admin/", admin)
	}
	return mux
}
