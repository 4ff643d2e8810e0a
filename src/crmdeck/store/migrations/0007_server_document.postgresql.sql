CREATE UNIQUE INDEX ON server_document (name);
