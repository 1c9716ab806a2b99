"""The intranet's own tables."""

from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask_login import UserMixin
from flask_sqlalchemy import SQLAlchemy

PEOPLE = {
    1: ("Rita Reyes", "reader"),
    2: ("Edgar Ellis", "editor"),
    3: ("Ines Novak", "inviter"),
    4: ("Noor Nasser", None),
}
RITA, EDGAR, INES, NOOR = PEOPLE


@dataclass(frozen=True)
class Models:
    """The database of one intranet, with the models that belong to it and to no other in the process."""

    db: SQLAlchemy
    user_model: Any
    pupil_model: Any

    def user(self, identifier: str) -> Any:
        """The user of this number, or None."""
        return self.db.session.get(self.user_model, int(identifier))

    def pupils(self) -> list[str]:
        """The names of the pupils on record."""
        return list(self.db.session.scalars(self.db.select(self.pupil_model.name).order_by(self.pupil_model.name)))

    def add_pupil(self, name: str) -> None:
        """Put a pupil on record without committing it."""
        self.db.session.add(self.pupil_model(name=name))


def make_models(app: Flask, *, pupils_have_a_school: bool) -> Models:
    """Declare the tables anew, as each application has its own."""
    db = SQLAlchemy(app)

    class User(UserMixin, db.Model):  # type: ignore[misc, name-defined]
        __tablename__ = "intranet_user"
        id = db.Column(db.Integer, primary_key=True)
        name = db.Column(db.String(80), nullable=False)
        email = db.Column(db.String(80))
        cpse_role = db.Column(db.String(10))

    class Pupil(db.Model):  # type: ignore[misc, name-defined]
        __tablename__ = "pupil"
        id = db.Column(db.Integer, primary_key=True)
        name = db.Column(db.String(80), nullable=False)
        if pupils_have_a_school:
            school = db.Column(db.String(80))

    models = Models(db, User, Pupil)
    app.extensions["awkward"] = models
    return models


def move_in(app: Flask) -> None:
    """Make the intranet's tables, and put its people and a pupil into them."""
    models: Models = app.extensions["awkward"]
    with app.app_context():
        models.db.create_all()
        for number, (name, role) in PEOPLE.items():
            email = f"{name.split()[0].lower()}@tamarack.example"
            models.db.session.add(models.user_model(id=number, name=name, email=email, cpse_role=role))
        models.add_pupil("Pia Park")
        models.db.session.commit()
