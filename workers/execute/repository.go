package execute

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	ev "github.com/aeriehq/aerie/events"
)

// login reads how the owner of what is installed comes into a chart's repository: as its repository says that the chart names,
// or, where there is none, as a file of the server's does. It is read each time, and its password is in no text of this work.
func (t *Task) login(ctx context.Context, c ev.Chart) (l helm.Login, err error) {
	ref := ev.LoginRef(t.Ref.Owner, c.Credentials)
	var repository ev.RepositorySpec
	known := false
	if t.repository != nil {
		repository, known = t.repository(ref.Owner, ref.ID)
	}
	if !known {
		l, err = t.charts.loginFile(ref)
		t.hasRead(l.Password)
		return l, err
	}
	if !repository.Serves(c.Repository) { // else whoever may install a chart could have it sent anywhere
		return l, &kube.Error{Code: kube.Invalid, Op: "read login", Object: ref.String(),
			Message: fmt.Sprintf("it is the login for %s, and the chart is from %s", repository.URL, c.Repository)}
	}
	password, err := t.readSecret(ctx, nil, "", repository.Password.SecretRef)
	if err != nil {
		return l, fmt.Errorf("read the password of %s: %w", ref, err)
	}
	l = helm.Login{Username: repository.Username, Password: password}
	l.CA, _ = repository.Authorities() // it was checked
	return l, nil
}

// loginFile reads a login that is a file of the server's: logins/<owner>/<name>.json.
func (c *Charts) loginFile(ref ev.Ref) (l helm.Login, err error) {
	data, err := os.ReadFile(filepath.Join(c.Logins, ref.Owner, ref.ID+".json"))
	if err == nil {
		err = json.Unmarshal(data, &l)
	}
	if err != nil { // the words of the error could quote the file
		return l, &kube.Error{Code: kube.Invalid, Op: "read login", Object: ref.Path(),
			Message: "there is no such repository, and the server has no such login that it can read"}
	}
	return l, nil
}
