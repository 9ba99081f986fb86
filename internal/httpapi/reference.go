package httpapi

import "net/http"

func (s *Server) reference(w http.ResponseWriter, r *http.Request) { s.openAPI(w, r) }
