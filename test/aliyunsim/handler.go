package aliyunsim

import (
	"net/http"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/region"
)

// Handler serves a whole region: the products at /, metadata at /latest/ and
// /metadata/<server>/latest/, and the admin interface at /admin/.
func Handler(r *region.Region, o admin.Options) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", r.Gateway)
	mux.Handle("/latest/", r.Metadata)
	mux.Handle("/metadata/", r.Metadata)
	mux.Handle("/admin/", admin.Handler(r, o))
	return mux
}
