"""Which Postgres database the settings name."""

from dlt.common.configuration.exceptions import ConfigFieldMissingException
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.configuration.specs.exceptions import InvalidConnectionString
from dlt.destinations.impl.postgres.configuration import PostgresCredentials

from talkhouse.pipelines.settings.project import HERE, Project
from talkhouse.pipelines.warehouse.postgres.database import PostgresDatabase
from talkhouse.sources.settings import SettingsError

CREDENTIALS = "destination.postgres.credentials"


def configured_database(project: Project = HERE) -> PostgresDatabase:
    """The database that `destination.postgres.credentials` names. Raises SettingsError."""
    try:
        credentials = resolve_configuration(
            PostgresCredentials(),
            sections=("destination", "postgres"),
            # dlt looks in the working folder
            explicit_value=None if project == HERE else project.secret(CREDENTIALS),
        )
    except ConfigFieldMissingException as e:
        raise SettingsError(
            "destination is postgres, and of destination.postgres.credentials there is no "
            f"{', '.join(sorted(e.fields))}; set them in .dlt/secrets.toml"
        ) from None
    except InvalidConnectionString:
        raise SettingsError(
            "destination.postgres.credentials is not like postgresql://user:password@host/database"
        ) from None
    return PostgresDatabase(credentials)
