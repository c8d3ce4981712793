-- Run once, when the database is made: who may do what is said in docs/operator.md, Security.
\set ON_ERROR_STOP on
\set migrator `cat "${SECRETS_DIR:-/run/secrets}/migrator_password"`
\set versioner `cat "${SECRETS_DIR:-/run/secrets}/versioner_password"`
\set spark `cat "${SECRETS_DIR:-/run/secrets}/spark_password"`
\set operator `cat "${SECRETS_DIR:-/run/secrets}/operator_password"`
\set grafana `cat "${SECRETS_DIR:-/run/secrets}/grafana_password"`

CREATE ROLE acidwatch_ledger NOLOGIN;
CREATE ROLE acidwatch_metrics NOLOGIN;
CREATE ROLE acidwatch_reader NOLOGIN;

CREATE ROLE migrator LOGIN PASSWORD :'migrator';
CREATE ROLE versioner LOGIN PASSWORD :'versioner' IN ROLE acidwatch_ledger;
CREATE ROLE spark LOGIN PASSWORD :'spark' IN ROLE acidwatch_metrics;
-- Commands change the dataset and show results and live values.
CREATE ROLE operator LOGIN PASSWORD :'operator' IN ROLE acidwatch_ledger, acidwatch_metrics;
CREATE ROLE grafana LOGIN PASSWORD :'grafana' IN ROLE acidwatch_reader;

CREATE DATABASE acidwatch OWNER migrator;
