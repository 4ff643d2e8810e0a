-- What the servers of a team share besides the log: who may sign in, and who is signed in. JSON.
CREATE TABLE server_document (
    name VARCHAR NOT NULL,
    body VARCHAR NOT NULL
);
