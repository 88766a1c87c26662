package rig

import (
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Token creates a service account without rights in the test's namespace and
// returns a token of it.
func (r *Rig) Token(account string) string {
	r.T.Helper()
	accounts := r.Client.CoreV1().ServiceAccounts(r.Namespace)
	_, err := accounts.Create(r.T.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: account}}, metav1.CreateOptions{})
	if err != nil {
		r.T.Fatal(err)
	}
	request, err := accounts.CreateToken(r.T.Context(), account, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		r.T.Fatal(err)
	}
	return request.Status.Token
}
